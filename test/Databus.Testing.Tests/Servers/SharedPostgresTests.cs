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
    }
}
