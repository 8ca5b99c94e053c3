using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.RabbitMq.Connections;

/// <summary>
/// The broker, over two connections that all destinations and sources share: one to publish and one to consume, so that
/// a broker which makes publishers wait does not hold up acknowledgements.
/// </summary>
internal sealed class Broker(IOptions<RabbitMqOptions> options, TimeProvider time, ILogger<BrokerConnection> logger) : IAsyncDisposable
{
    public RabbitMqOptions Options => options.Value;

    public BrokerConnection Publishing { get; } = new("publishing", options.Value, time, logger);

    public BrokerConnection Consuming { get; } = new("consuming", options.Value, time, logger);

    public TimeProvider Time => time;

    public async ValueTask DisposeAsync()
    {
        await Consuming.DisposeAsync();
        await Publishing.DisposeAsync();
    }
}
