using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Queues;
using Databus.Sources;
using Databus.Storage;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Databus.RabbitMq.Sources;

/// <summary>
/// Takes from one queue on one channel, until that ends. A message is acknowledged once its item is on disk, or its copy in
/// the dead queue is confirmed; never before, and never otherwise.
/// </summary>
internal sealed class QueueConsumer : AsyncDefaultBasicConsumer, IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <summary>
    /// A message that cannot be kept stays in our hands for this long. Giving it back counts against it where the queue
    /// limits deliveries, and brokers then drop it; keeping it past 30 minutes ends the channel.
    /// </summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(5);

    private readonly Broker _broker;
    private readonly AmqpAddress _address;
    private readonly SourceInbox _inbox;
    private readonly DeadQueue _dead;
    private readonly AckWindow _acks = new();

    /// <summary>Never disposed: a message can still hold it when the consumer is over, and it holds nothing.</summary>
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource<BrokerTrouble> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // The consumer itself counts as one, so that it does not reach zero before it has stopped.
    private int _open = 1;
    private bool _hasTaken;

    private QueueConsumer(IChannel channel, Broker broker, AmqpAddress address, SourceInbox inbox, DeadQueue dead)
        : base(channel)
    {
        _broker = broker;
        _address = address;
        _inbox = inbox;
        _dead = dead;
    }

    /// <summary>
    /// Listens until cancelled, or until it ends for another reason: then that is the result, and whether anything was taken.
    /// </summary>
    /// <exception cref="Exception">One of those that <see cref="BrokerTrouble.IsTrouble"/> knows.</exception>
    public static async Task<(BrokerTrouble Trouble, bool HasTaken)> RunAsync(
        Broker broker, AmqpAddress address, SourceInbox inbox, DeadQueue dead, CancellationToken cancellationToken)
    {
        var connection = await broker.Consuming.GetAsync(cancellationToken);
        await QueueDeclaration.EnsureAsync(connection, address.Queue, cancellationToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        await channel.BasicQosAsync(prefetchSize: 0, broker.Options.Prefetch, global: false, cancellationToken);
        await using var consumer = new QueueConsumer(channel, broker, address, inbox, dead);
        await channel.BasicConsumeAsync(address.Queue, autoAck: false, consumer, cancellationToken);
        inbox.Report(trouble: null);
        return (await consumer._ended.Task.WaitAsync(cancellationToken), consumer._hasTaken);
    }

    /// <summary>
    /// Starts to handle a message and leaves the rest to the task, so that many are under way. They are handed to the store
    /// in the order in which they came, unless their topic is still to be created.
    /// </summary>
    public override Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties,
        ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
    {
        // The body's memory is the client's again when this returns.
        var message = new ArrivedMessage(deliveryTag, properties, body.ToArray());
        Interlocked.Increment(ref _open);
        _ = HandleAsync(message);
        return Task.CompletedTask;
    }

    /// <summary>The broker ends it: the queue was deleted, or its node is gone.</summary>
    public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        _ended.TrySetResult(new BrokerTrouble($"The queue \"{_address.Queue}\" was deleted, or is not available."));
        return Task.CompletedTask;
    }

    public override Task HandleChannelShutdownAsync(object channel, ShutdownEventArgs reason)
    {
        _ended.TrySetResult(BrokerTrouble.Of(reason));
        _ = _over.CancelAsync();
        return Task.CompletedTask;
    }

    /// <summary>Takes nothing more, and gives what is under way a moment to be acknowledged.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var tag in ConsumerTags)
                await Channel.BasicCancelAsync(tag);
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            // The channel ended by itself.
        }

        // Those that wait to try again try no more: the broker hands them to somebody else.
        await _over.CancelAsync();
        LeaveOne();
        try
        {
            await _drained.Task.WaitAsync(DrainTime, _broker.Time);
        }
        catch (TimeoutException)
        {
            // What is not acknowledged comes again, and is a duplicate then.
        }
    }

    /// <summary>Never fails.</summary>
    private async Task HandleAsync(ArrivedMessage message)
    {
        try
        {
            if (await TryKeepAsync(message))
                await AcknowledgeAsync(message.Tag);
            else if (!_over.IsCancellationRequested)
                await GiveBackAsync(message.Tag);
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            // The channel is gone, and the broker brings the message again.
        }
        catch (Exception error)
        {
            // A mistake of ours. The channel is given up with everything on it, rather than to hold this message for ever.
            _ended.TrySetResult(new BrokerTrouble($"A message could not be handled. {error.Message}"));
        }
        finally
        {
            LeaveOne();
        }
    }

    /// <summary>Keeps it as an item or in the dead queue, again and again. False: it was tried for long enough, or has to stop.</summary>
    private async Task<bool> TryKeepAsync(ArrivedMessage message)
    {
        var since = _broker.Time.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if (await FindTroubleAsync(message) is not { } trouble)
            {
                _hasTaken = true;
                if (pause > FirstPause)
                    _inbox.Report(trouble: null);
                return true;
            }

            if (_over.IsCancellationRequested || _broker.Time.GetElapsedTime(since) >= LongestHold)
                return false;
            _inbox.Report(trouble);
            await Task.Delay(pause, _broker.Time, _over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Null: it is kept.</summary>
    private async Task<string?> FindTroubleAsync(ArrivedMessage message)
    {
        try
        {
            if (await TakeAsync(message) is not { } refusal)
                return null;
            if (await _dead.PutAsync(message.Properties, message.Body, refusal, _over.Token) is { } trouble)
                return $"A message that cannot be an item could not be put into {_dead.Name}. {trouble}";
            _inbox.Refused($"{refusal} The message is in the queue {_dead.Name}.");
            return null;
        }
        catch (StoreException error)
        {
            return error.Message;
        }
    }

    /// <summary>Null: its item is on disk. Otherwise why it can never be one. Not cancelled: what is on its way to disk arrives.</summary>
    private Task<string?> TakeAsync(ArrivedMessage message)
    {
        var limit = _broker.Options.MaxItemBytes;
        if (message.Body.Length > limit)
            return Task.FromResult<string?>($"An item may have {limit} bytes at most; this message has {message.Body.Length}.");
        string? key = null;
        if (_address.KeyIsMessageId && !message.TryGetKey(out key))
            return Task.FromResult<string?>("The message has no id that could be the item's key.");
        if (message.IsCloudEvent)
            return key is null ? _inbox.TakeEventAsync(message.Body, CancellationToken.None) : _inbox.TakeAsync(message.Body, key, CancellationToken.None);
        if (!_address.IsWrapped)
            return _inbox.TakeAsync(message.Body, key, CancellationToken.None);
        return message.TryUnwrap(out var content)
            ? _inbox.TakeAsync(content, key, CancellationToken.None)
            : Task.FromResult<string?>("""With format=content a message is a JSON object with one member: {"content": {…}}.""");
    }

    private async Task AcknowledgeAsync(ulong tag)
    {
        if (!_acks.Take(tag))
            return;
        while (_acks.TryNext(out var upTo, out var single))
        {
            if (upTo > 0)
                await Channel.BasicAckAsync(upTo, multiple: true);
            foreach (var one in single)
                await Channel.BasicAckAsync(one, multiple: false);
        }
    }

    private async Task GiveBackAsync(ulong tag)
    {
        await Channel.BasicNackAsync(tag, multiple: false, requeue: true);
        _acks.GiveBack(tag);
    }

    private void LeaveOne()
    {
        if (Interlocked.Decrement(ref _open) == 0)
            _drained.TrySetResult();
    }
}
