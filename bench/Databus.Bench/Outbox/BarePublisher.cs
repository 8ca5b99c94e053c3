using RabbitMQ.Client;

namespace Databus.Bench.Outbox;

/// <summary>Publishes batches with RabbitMQ.Client alone: persistent, mandatory, and done when all of a batch is confirmed.</summary>
internal sealed class BarePublisher : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly string _queue;
    private readonly Lock _gate = new();
    private ulong _confirmed;
    private ulong _published;
    private TaskCompletionSource _done = new();

    private BarePublisher(IConnection connection, IChannel channel, string queue)
    {
        (_connection, _channel, _queue) = (connection, channel, queue);
        channel.BasicAcksAsync += (_, ack) =>
        {
            lock (_gate)
            {
                _confirmed = Math.Max(_confirmed, ack.Multiple ? ack.DeliveryTag : _confirmed + 1);
                if (_confirmed >= _published)
                    _done.TrySetResult();
            }

            return Task.CompletedTask;
        };
    }

    public static async Task<BarePublisher> OpenAsync(Uri address, string queue)
    {
        var connection = await new ConnectionFactory { Uri = address }.CreateConnectionAsync();

        // Without the client's own tracking, which costs more than half: confirms are counted as they come.
        var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false));
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false);
        return new BarePublisher(connection, channel, queue);
    }

    public async Task PublishAsync(IReadOnlyList<(Guid Id, byte[] Content)> messages)
    {
        lock (_gate)
        {
            _published += (ulong)messages.Count;
            _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        foreach (var (id, content) in messages)
        {
            var properties = new BasicProperties
            {
                AppId = "databus",
                Persistent = true,
                ContentType = "application/json",
                MessageId = id.ToString(),
                Type = "note",
                Timestamp = new AmqpTimestamp(1_700_000_000),
            };
            await _channel.BasicPublishAsync("", _queue, mandatory: true, properties, content);
        }

        await _done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
