using System.Globalization;
using System.Net;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>A Redis server of its own, on a free port. It keeps nothing on disk: what it held is gone when it ends.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly ChildProcess _process;

    private RedisServer(long maxMemory) => _process = new(new(
        ExternalTool.Find("redis-server", "redis-server"),
        [
            "--bind", "127.0.0.1", "--port", Port.ToString(CultureInfo.InvariantCulture), "--dir", _folder.Path, "--save", "",
            "--appendonly", "no", "--maxmemory", maxMemory.ToString(CultureInfo.InvariantCulture),
        ],
        _folder.File("log")));

    public int Port { get; } = LoopbackPort.Find();

    /// <summary>Host and port, as clients of Redis write them.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Starts a server.</summary>
    /// <param name="maxMemory">Bytes beyond which it refuses writes; 0, the default, is no limit.</param>
    /// <exception cref="InvalidOperationException">Redis is not installed, or does not start; the message says more.</exception>
    public static async Task<RedisServer> StartAsync(long maxMemory = 0)
    {
        var server = new RedisServer(maxMemory);
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it on the same port, empty. Ends when it answers.</summary>
    public Task StartAgainAsync() => _process.StartAsync(AnswersAsync);

    /// <summary>SIGSTOP: connections stay open, and nothing is answered.</summary>
    public void Freeze() => _process.Freeze();

    public void Thaw() => _process.Thaw();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private Task<bool> AnswersAsync() =>
        Greeting.IsAnsweredAsync(new(IPAddress.Loopback, Port), "PING\r\n"u8.ToArray(), answer => answer.StartsWith("+PONG"u8));
}
