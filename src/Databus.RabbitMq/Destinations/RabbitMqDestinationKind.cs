using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.Subscriptions;

namespace Databus.RabbitMq.Destinations;

/// <summary>
/// Pushes items to RabbitMQ: <c>{"queue":"ads"}</c> to a durable queue that is declared, <c>{"exchange":"news",
/// "routingKey":"a.b"}</c> to an exchange that is there already.
/// </summary>
internal sealed class RabbitMqDestinationKind(Broker broker) : IDestinationKind
{
    public string Name => "rabbitmq";

    public bool TryRead(
        JsonElement configuration, [NotNullWhen(true)] out DestinationSettings? settings, [NotNullWhen(false)] out DestinationRefusal? refusal)
    {
        settings = DestinationConfiguration.TryRead(configuration, out var read, out refusal) ? new DestinationSettings(Name, read.ToJson()) : null;
        return settings is not null;
    }

    public IDestination Open(PushSubscription subscription)
    {
        using var json = JsonDocument.Parse(subscription.Destination.Configuration);
        return DestinationConfiguration.TryRead(json.RootElement, out var configuration, out var refusal)
            ? new RabbitMqDestination(broker, configuration, subscription.Topic.Name)
            : throw new InvalidOperationException(refusal.Sentence);
    }
}
