using System.Globalization;
using System.Net;
using Databus.Testing.Processes;

namespace Databus.Testing.Servers;

/// <summary>
/// A RabbitMQ server of its own: node name, folders, cookie, ports and port mapper (epmd) belong to it alone, so several run
/// at once and beside the system's.
/// </summary>
public sealed class RabbitMqServer : IAsyncDisposable
{
    private const string Package = "rabbitmq-server";

    private readonly TemporaryFolder _folder = new();
    private readonly int _mapperPort = LoopbackPort.Find();
    private readonly int _nodePort = LoopbackPort.Find();
    private readonly ChildProcess _mapper;
    private readonly ChildProcess _node;

    private RabbitMqServer()
    {
        var environment = Variables();
        // Its own, because the one that Erlang would start stays for ever.
        _mapper = new(new(
            ExternalTool.Find("epmd", "erlang-base"),
            ["-address", "127.0.0.1", "-port", _mapperPort.ToString(CultureInfo.InvariantCulture)],
            _folder.File("epmd.log")));
        // Not the wrapper of the same name on the PATH: it changes the user and forgets the variables.
        _node = new(new(ExternalTool.Find("rabbitmq-server", Package, "/usr/lib/rabbitmq/bin"), [], _folder.File("server.log"))
        {
            Environment = environment,
        });
    }

    public int Port { get; } = LoopbackPort.Find();

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"amqp://guest:guest@127.0.0.1:{Port}/"));

    /// <summary>Starts a server with RabbitMQ's own user, guest, and virtual host, <c>/</c>.</summary>
    /// <exception cref="InvalidOperationException">RabbitMQ is not installed, or does not start; the message says more.</exception>
    public static async Task<RabbitMqServer> StartAsync()
    {
        var server = new RabbitMqServer();
        try
        {
            server.Configure();
            await server._mapper.StartAsync(server.MapperAnswersAsync);
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// SIGKILL: it ends where it stands. Confirmed messages are kept, but the queue that was declared last may be lost with
    /// all that is in it: RabbitMQ answers the declaration when its commit record is on disk, and the record that says it
    /// counts is written a moment later, so that the next start presumes it aborted. The next declaration brings it to
    /// the disk.
    /// </summary>
    public Task KillAsync() => _node.KillAsync();

    /// <summary>Starts it on the same data and port. Ends when it answers; what is durable is there.</summary>
    public Task StartAgainAsync() => _node.StartAsync(AnswersAsync);

    /// <summary>SIGSTOP: connections stay open, and nothing is answered.</summary>
    public void Freeze() => _node.Freeze();

    public void Thaw() => _node.Thaw();

    /// <summary>Runs <c>rabbitmqctl</c> on it.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public async Task ControlAsync(params string[] arguments)
    {
        await using var control = new ChildProcess(new(
            ExternalTool.Find("rabbitmqctl", Package, "/usr/lib/rabbitmq/bin"), arguments, _folder.File("control.log"))
        {
            Environment = Variables(),
        });
        await control.RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _mapper.DisposeAsync();
        _folder.Dispose();
    }

    private Dictionary<string, string> Variables() => new(StringComparer.Ordinal)
    {
        // Erlang makes its cookie there.
        ["HOME"] = _folder.Path,
        ["ERL_EPMD_ADDRESS"] = "127.0.0.1",
        ["ERL_EPMD_PORT"] = _mapperPort.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_NODENAME"] = string.Create(CultureInfo.InvariantCulture, $"databus-{Port}@localhost"),
        ["RABBITMQ_MNESIA_BASE"] = _folder.File("data"),
        ["RABBITMQ_LOG_BASE"] = _folder.File("logs"),
        ["RABBITMQ_DIST_PORT"] = _nodePort.ToString(CultureInfo.InvariantCulture),
        ["RABBITMQ_CONF_ENV_FILE"] = _folder.File("rabbitmq-env.conf"),
        ["RABBITMQ_CONFIG_FILE"] = _folder.File("rabbitmq.conf"),
        ["RABBITMQ_ADVANCED_CONFIG_FILE"] = _folder.File("advanced.config"),
        ["RABBITMQ_ENABLED_PLUGINS_FILE"] = _folder.File("enabled_plugins"),
        // The script then becomes the server. Otherwise it would wait for it and try to stop it gently.
        ["RUNNING_UNDER_SYSTEMD"] = "true",
    };

    private void Configure()
    {
        _folder.Write("rabbitmq.conf", string.Create(CultureInfo.InvariantCulture, $"""
            listeners.tcp.default = 127.0.0.1:{Port}
            disk_free_limit.absolute = 50MB

            """));
        _folder.Write("rabbitmq-env.conf", "");
        _folder.Write("advanced.config", "[].\n");
        _folder.Write("enabled_plugins", "[].\n");
    }

    /// <summary>Asks for the names it knows; it says its port first.</summary>
    private Task<bool> MapperAnswersAsync() =>
        Greeting.IsAnsweredAsync(new(IPAddress.Loopback, _mapperPort), [0, 1, (byte)'n'], answer => answer.Length >= sizeof(int));

    /// <summary>Offers AMQP 0-9-1; a server that takes part begins a method frame.</summary>
    private Task<bool> AnswersAsync() =>
        Greeting.IsAnsweredAsync(new(IPAddress.Loopback, Port), [.. "AMQP"u8, 0, 0, 9, 1], answer => answer is [1, ..]);
}
