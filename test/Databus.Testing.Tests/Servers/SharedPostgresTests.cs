using Databus.Testing.Servers;

namespace Databus.Testing.Tests.Servers;

public sealed class SharedPostgresTests
{
    [Fact]
    public async Task All_who_ask_get_one_server_and_a_database_each()
    {
        var servers = await Task.WhenAll(SharedPostgres.GetAsync(), SharedPostgres.GetAsync());

        Assert.Same(servers[0], servers[1]);
        var name = await servers[0].CreateDatabaseAsync();
        Assert.Equal(name, await servers[0].ExecuteAsync("SELECT current_database()", name));
        Assert.Equal("off", await servers[0].ExecuteAsync("SHOW fsync"));
    }

    [Fact]
    public async Task One_more_waits_for_the_disk()
    {
        var server = await SharedPostgres.GetDurableAsync();

        Assert.Same(server, await SharedPostgres.GetDurableAsync());
        Assert.Equal("on|on", await server.ExecuteAsync("SELECT current_setting('fsync'), current_setting('full_page_writes')"));
    }
}
