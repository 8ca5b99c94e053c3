using System.Text;
using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Publishing;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Queues;

/// <summary>The durable queue <c>QUEUE.dead</c>, for messages that can never be items. Calls may overlap.</summary>
internal sealed class DeadQueue(Broker broker, string queue, string source) : IAsyncDisposable
{
    /// <summary>What the name of a dead queue has more than its queue's.</summary>
    public const string Suffix = ".dead";

    private const string ReasonHeader = "databus-reason";
    private const string SourceHeader = "databus-source";

    private readonly SemaphoreSlim _opening = new(1, 1);
    private ConfirmingChannel? _channel;

    public string Name => queue + Suffix;

    /// <summary>Puts a copy of the message there. Null: the broker has it for good; otherwise why not.</summary>
    public async Task<string?> PutAsync(
        IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, string reason, CancellationToken cancellationToken)
    {
        try
        {
            var channel = await GetChannelAsync(cancellationToken);
            var batch = new PublishBatch(1);
            var copy = Copy(properties, reason);
            var trouble = await channel.PublishAsync(batch, _ => new Publication("", Name, copy, body), cancellationToken);
            return batch[0] is { } outcome
                ? outcome.Result == SendResult.Sent ? null : outcome.Reason
                : (trouble ?? BrokerTrouble.Interrupted).Sentence;
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            return BrokerTrouble.Of(error).Sentence;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is { } channel)
            await channel.DisposeAsync();
        _opening.Dispose();
    }

    private async Task<ConfirmingChannel> GetChannelAsync(CancellationToken cancellationToken)
    {
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_channel is { IsOver: false } open && !open.TakeHasReturned())
                return open;
            await QueueDeclaration.EnsureAsync(await broker.Publishing.GetAsync(cancellationToken), Name, cancellationToken);
            if (_channel is not { IsOver: false })
                _channel = await ConfirmingChannel.OpenAsync(broker, cancellationToken);
            return _channel;
        }
        finally
        {
            _opening.Release();
        }
    }

    private BasicProperties Copy(IReadOnlyBasicProperties properties, string reason)
    {
        var copy = new BasicProperties(properties) { Persistent = true };

        // It is to stay for as long as nobody took care of it, and we are not the user who sent it.
        copy.ClearExpiration();
        copy.ClearUserId();
        copy.Headers = new Dictionary<string, object?>(properties.Headers ?? new Dictionary<string, object?>(StringComparer.Ordinal), StringComparer.Ordinal)
        {
            [ReasonHeader] = Encoding.UTF8.GetBytes(reason),
            [SourceHeader] = Encoding.UTF8.GetBytes(source),
        };
        return copy;
    }
}
