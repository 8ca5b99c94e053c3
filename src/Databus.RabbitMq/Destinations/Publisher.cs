using Databus.Destinations;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Publishing;
using Databus.RabbitMq.Queues;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Databus.RabbitMq.Destinations;

/// <summary>
/// Publishes persistent messages on a channel of its own and calls sent what the broker confirmed and did not return.
/// What is not known to have arrived is sent again, under the same message id.
/// </summary>
internal sealed class Publisher(Broker broker, DestinationConfiguration configuration) : IAsyncDisposable
{
    /// <summary>How often a quorum queue hands a message out before it puts it aside. Said, because brokers differ in what they do otherwise.</summary>
    private const int QuorumDeliveryLimit = 20;

    private readonly SemaphoreSlim _opening = new(1, 1);
    private ConfirmingChannel? _channel;

    /// <summary>Sends messages and says of each what became of it, in the order of their indexes. Calls may overlap.</summary>
    /// <param name="message">
    /// Writes the one at an index; good until the next one is written. A message that is not known to have arrived is asked for again.
    /// </param>
    public async Task<IReadOnlyList<SendOutcome>> SendAsync(int count, Func<int, Publication> message, CancellationToken cancellationToken)
    {
        if (count == 0)
            return [];
        var outcomes = new SendOutcome?[count];
        var trouble = await SendTogetherAsync(message, outcomes, cancellationToken);
        if (trouble is { BlamesMessage: true })
            trouble = await SendOneByOneAsync(message, outcomes, cancellationToken);
        return [.. outcomes.Select(outcome => outcome ?? Unavailable(trouble ?? BrokerTrouble.Interrupted))];
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is { } channel)
            await channel.DisposeAsync();
        _opening.Dispose();
    }

    private static SendOutcome Unavailable(BrokerTrouble trouble) => new(SendResult.Unavailable, trouble.Sentence);

    private async Task<BrokerTrouble?> SendTogetherAsync(
        Func<int, Publication> message, SendOutcome?[] outcomes, CancellationToken cancellationToken)
    {
        var (channel, trouble) = await TryGetChannelAsync(cancellationToken);
        if (channel is null)
            return trouble;
        var batch = new PublishBatch(outcomes.Length);
        trouble = await channel.PublishAsync(batch, message, cancellationToken);
        for (var index = 0; index < outcomes.Length; index++)
            outcomes[index] = batch[index];
        return trouble;
    }

    /// <summary>
    /// The broker closed the channel because of one message, for example one too large for it, and all that was under way
    /// went with it. To find that one, and not to blame its neighbours, each is sent by itself on channels that nobody
    /// shares. Neighbours that had arrived before arrive twice.
    /// </summary>
    private async Task<BrokerTrouble?> SendOneByOneAsync(
        Func<int, Publication> message, SendOutcome?[] outcomes, CancellationToken cancellationToken)
    {
        ConfirmingChannel? channel = null;
        try
        {
            for (var index = 0; index < outcomes.Length; index++)
            {
                if (outcomes[index] is not null)
                    continue;
                if (channel is null || channel.IsOver)
                {
                    (channel, var notOpened) = await TryOpenAsync(cancellationToken);
                    if (channel is null)
                        return notOpened;
                }

                var batch = new PublishBatch(1);
                var trouble = await channel.PublishAsync(batch, _ => message(index), cancellationToken);
                outcomes[index] = batch[0] ?? (trouble is { BlamesMessage: true } ? new SendOutcome(SendResult.Hopeless, trouble.Sentence) : null);
                if (outcomes[index] is null)
                    return trouble;
            }
        }
        finally
        {
            if (channel is not null)
                await channel.DisposeAsync();
        }

        return null;
    }

    private async Task<(ConfirmingChannel? Channel, BrokerTrouble? Trouble)> TryGetChannelAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _opening.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return (null, BrokerTrouble.Interrupted);
        }

        try
        {
            if (_channel is not { IsOver: false } open)
            {
                (_channel, var trouble) = await TryOpenAsync(cancellationToken);
                return (_channel, trouble);
            }

            // A queue that is gone is declared again, so that what came back finds it at its next attempt.
            if (configuration.IsQueue && open.TakeHasReturned() && await TryPrepareAsync(open, cancellationToken) is { } gone)
                return (null, gone);
            return (open, null);
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<(ConfirmingChannel? Channel, BrokerTrouble? Trouble)> TryOpenAsync(CancellationToken cancellationToken)
    {
        ConfirmingChannel channel;
        try
        {
            channel = await ConfirmingChannel.OpenAsync(broker, cancellationToken);
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            return (null, BrokerTrouble.Of(error));
        }

        if (await TryPrepareAsync(channel, cancellationToken) is not { } trouble)
            return (channel, null);
        await channel.DisposeAsync();
        return (null, trouble);
    }

    /// <summary>Sees to it that there is somewhere to publish to. Never blames a message: whatever is wrong, the operator can mend it.</summary>
    private async Task<BrokerTrouble?> TryPrepareAsync(ConfirmingChannel channel, CancellationToken cancellationToken)
    {
        try
        {
            await channel.PrepareAsync(amqp => configuration.IsQueue
                ? DeclareQueueAsync(amqp, cancellationToken)
                : amqp.ExchangeDeclarePassiveAsync(configuration.Exchange, cancellationToken));
            return null;
        }
        catch (OperationInterruptedException error) when (error.ShutdownReason is { } reason)
        {
            return new(reason.ReplyCode switch
            {
                BrokerTrouble.NotFound => $"The exchange \"{configuration.Exchange}\" does not exist. Databus does not declare exchanges.",
                BrokerTrouble.PreconditionFailed =>
                    $"The queue \"{configuration.RoutingKey}\" exists already, and not as this destination declares it. {reason.ReplyText}",
                _ => BrokerTrouble.Of(reason).Sentence,
            });
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            return BrokerTrouble.Of(error);
        }
    }

    private async Task DeclareQueueAsync(IChannel amqp, CancellationToken cancellationToken)
    {
        var queue = configuration.RoutingKey;
        Dictionary<string, object?>? arguments = null;
        if (configuration.IsQuorum)
        {
            var dead = queue + DeadQueue.Suffix;
            // Without a place to put it, the queue would drop what its consumers returned too often.
            arguments = new(StringComparer.Ordinal)
            {
                ["x-queue-type"] = "quorum",
                ["x-delivery-limit"] = QuorumDeliveryLimit,
                ["x-dead-letter-exchange"] = "",
                ["x-dead-letter-routing-key"] = dead,
            };
            await amqp.QueueDeclareAsync(
                dead, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>(StringComparer.Ordinal) { ["x-queue-type"] = "quorum" },
                cancellationToken: cancellationToken);
        }

        await amqp.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: cancellationToken);
    }
}
