using System.Net.Sockets;
using System.Text;
using Databus.Testing.Servers;

namespace Databus.Testing.Tests.Servers;

public sealed class RedisServerTests
{
    [Fact]
    public async Task It_comes_back_empty_after_a_crash()
    {
        await using var server = await RedisServer.StartAsync(maxMemory: 64 * 1024 * 1024);
        Assert.StartsWith("+OK", await SayAsync(server, "SET k v"));
        Assert.Contains("67108864", await SayAsync(server, "CONFIG GET maxmemory"), StringComparison.Ordinal);

        await server.KillAsync();
        await Assert.ThrowsAnyAsync<SocketException>(() => SayAsync(server, "PING"));
        await server.StartAgainAsync();

        Assert.StartsWith("$-1", await SayAsync(server, "GET k"));
    }

    [Fact]
    public async Task Frozen_it_answers_when_it_is_thawed()
    {
        await using var server = await RedisServer.StartAsync();
        server.Freeze();
        var answer = SayAsync(server, "PING");
        await Task.Delay(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken);
        Assert.False(answer.IsCompleted);

        server.Thaw();

        Assert.StartsWith("+PONG", await answer);
    }

    private static async Task<string> SayAsync(RedisServer server, string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Port);
        await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"));
        var answer = new byte[1024];
        return Encoding.UTF8.GetString(answer, 0, await client.GetStream().ReadAsync(answer));
    }
}
