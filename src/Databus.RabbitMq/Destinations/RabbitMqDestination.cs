using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.Subscriptions;

namespace Databus.RabbitMq.Destinations;

/// <summary>Where a subscription's items go.</summary>
internal sealed class RabbitMqDestination(Broker broker, DestinationConfiguration configuration, string topic) : IDestination
{
    private readonly Publisher _publisher = new(broker, configuration);

    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<Delivery> deliveries, CancellationToken cancellationToken)
    {
        var writer = new MessageWriter(configuration, topic);
        return _publisher.SendAsync(deliveries.Count, index => writer.Write(deliveries[index]), cancellationToken);
    }

    public ValueTask DisposeAsync() => _publisher.DisposeAsync();
}
