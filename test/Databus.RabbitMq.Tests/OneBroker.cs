using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Tests;
using Databus.Testing.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

[assembly: AssemblyFixture(typeof(OneBroker))]

namespace Databus.RabbitMq.Tests;

/// <summary>
/// One RabbitMQ server for all tests of the assembly; each uses queues of its own names. Who stops it, or takes something away
/// from it, starts one of his own.
/// </summary>
public sealed class OneBroker : IAsyncLifetime
{
    /// <summary>Milliseconds after which a test has failed. Nothing waits this long otherwise.</summary>
    public const int Patience = 90_000;

    private RabbitMqServer? _server;

    public RabbitMqServer Server => _server!;

    public static TimeSpan Soon => TimeSpan.FromSeconds(30);

    public async ValueTask InitializeAsync() => _server = await RabbitMqServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
    }

    /// <summary>A name that no other test uses.</summary>
    public static string NewName(string prefix) => $"{prefix}-{Guid.NewGuid():N}";

    internal static Broker Connect(string uri, Action<RabbitMqOptions>? configure = null, TimeProvider? time = null)
    {
        var options = new RabbitMqOptions { Uri = uri };
        configure?.Invoke(options);
        return new Broker(Options.Create(options), time ?? TimeProvider.System, NullLogger<BrokerConnection>.Instance);
    }

    internal Broker Connect(Action<RabbitMqOptions>? configure = null, TimeProvider? time = null) =>
        Connect(Server.Address.AbsoluteUri, configure, time);

    /// <summary>Another program that speaks AMQP.</summary>
    internal Task<Stranger> StrangerAsync() => Stranger.ConnectAsync(Server.Address);
}
