using System.Text;
using Databus.Destinations;
using Databus.Outbox;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Destinations;
using Databus.RabbitMq.Publishing;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Outbox;

/// <summary>
/// Publishes outbox messages to RabbitMQ: persistent, mandatory, many under way at once, and sent is what the broker has confirmed and
/// not returned. The body is the message's JSON, its id the AMQP message id, the same with every try, and its type the AMQP type.
/// </summary>
/// <remarks>
/// A broker that is not there, blocks, or lacks the exchange is unavailable; what no queue takes, or the broker refuses, has failed;
/// what is too large for the broker is parked at once.
/// </remarks>
public sealed class RabbitMqSender<T> : IOutboxBatchSender<T>, IAsyncDisposable
    where T : notnull
{
    private const string AppId = "databus";
    private const string TraceHeader = "traceparent";
    private const string OrderKeyHeader = "databus-order-key";

    private readonly RabbitMqSenderOptions<T> _options;
    private readonly DestinationConfiguration _configuration;
    private readonly Publisher _publisher;

    internal RabbitMqSender(Broker broker, RabbitMqSenderOptions<T> options)
    {
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        _options = options;
        _configuration = options.ToConfiguration();
        _publisher = new Publisher(broker, _configuration);
    }

    public async Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken)
    {
        // The routing keys come from the caller's code. What fails there, or cannot be one, is the message's own fault and no other's.
        var keys = new string[messages.Count];
        var outcomes = new SendOutcome[messages.Count];
        var publishable = new List<int>(messages.Count);
        for (var index = 0; index < messages.Count; index++)
        {
            if (TryGetRoutingKey(messages[index], out keys[index], out outcomes[index]))
                publishable.Add(index);
        }

        var published = await _publisher.SendAsync(publishable.Count, at => Write(messages[publishable[at]], keys[publishable[at]]), cancellationToken);
        for (var at = 0; at < publishable.Count; at++)
            outcomes[publishable[at]] = published[at];
        return outcomes;
    }

    public ValueTask DisposeAsync() => _publisher.DisposeAsync();

    private bool TryGetRoutingKey(OutboxMessage<T> message, out string key, out SendOutcome refused)
    {
        key = _configuration.RoutingKey;
        refused = default;
        if (_configuration.IsQueue)
            return true;
        try
        {
            key = _options.RoutingKey(message);
        }
        catch (Exception error)
        {
            refused = new(SendResult.Failed, $"The routing key could not be made. {error.Message}");
            return false;
        }

        if (key is not null && Encoding.UTF8.GetByteCount(key) <= DestinationConfiguration.MaxNameBytes)
            return true;
        refused = new(SendResult.Hopeless, $"A routing key has {DestinationConfiguration.MaxNameBytes} bytes of UTF-8 at most.");
        return false;
    }

    private Publication Write(OutboxMessage<T> message, string routingKey)
    {
        var headers = new Dictionary<string, object?>(StringComparer.Ordinal);
        if (message.OrderKey is { } orderKey)
            headers[OrderKeyHeader] = Encoding.UTF8.GetBytes(orderKey);
        if (message.TraceParent is { } trace)
            headers[TraceHeader] = Encoding.UTF8.GetBytes(trace);
        var properties = new BasicProperties
        {
            AppId = AppId,
            Persistent = true,
            ContentType = "application/json",
            MessageId = message.Id.ToString(),
            Type = message.Type,
            Timestamp = new AmqpTimestamp(message.RecordedAt.ToUnixTimeSeconds()),
            Headers = headers,
        };
        return new Publication(_configuration.Exchange, routingKey, properties, message.Json);
    }
}
