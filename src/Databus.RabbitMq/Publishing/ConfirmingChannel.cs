using Databus.RabbitMq.Connections;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Databus.RabbitMq.Publishing;

/// <summary>
/// A channel on which the broker confirms what it has for good. Batches may overlap: they are published one after the
/// other, and their confirms come together. After any trouble it is over and never used again, because from then on
/// nobody knows which number the broker means.
/// </summary>
internal sealed class ConfirmingChannel : IAsyncDisposable
{
    private static readonly CreateChannelOptions Options = new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false);

    // The semaphore and the source are never disposed: a batch can still hold them when the channel is over, and they hold nothing.
    private readonly BrokerConnection _broker;
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;
    private readonly ConfirmWindow _window = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly CancellationTokenSource _over = new();
    private BrokerTrouble? _trouble;
    private Task _closed = Task.CompletedTask;
    private bool _hasReturned;

    private ConfirmingChannel(BrokerConnection broker, IConnection connection, IChannel channel, TimeSpan timeout, TimeProvider time)
    {
        _broker = broker;
        _connection = connection;
        _channel = channel;
        _timeout = timeout;
        _time = time;
        channel.BasicAcksAsync += OnAckAsync;
        channel.BasicNacksAsync += OnNackAsync;
        channel.BasicReturnAsync += OnReturnAsync;
        channel.ChannelShutdownAsync += OnShutdownAsync;

        // The client tells its channels only after a publish that waits for the socket has given up.
        connection.ConnectionShutdownAsync += OnShutdownAsync;
        connection.ConnectionBlockedAsync += OnBlockedAsync;
        connection.ConnectionUnblockedAsync += OnUnblockedAsync;
        if (broker.Blocked is { } blocked)
            End(blocked);
    }

    public bool IsOver => Volatile.Read(ref _trouble) is not null;

    /// <summary>Opens a channel on the connection that publishes.</summary>
    /// <exception cref="Exception">One of those that <see cref="BrokerTrouble.IsTrouble"/> knows.</exception>
    public static async Task<ConfirmingChannel> OpenAsync(Broker broker, CancellationToken cancellationToken)
    {
        var connection = await broker.Publishing.GetAsync(cancellationToken);

        // A broker that blocks does not read, so it would not open a channel either.
        if (broker.Publishing.Blocked is { } blocked)
            throw new BrokerUnavailableException(blocked);
        var channel = await connection.CreateChannelAsync(Options, cancellationToken);
        return new ConfirmingChannel(broker.Publishing, connection, channel, broker.Options.ConfirmTimeout, broker.Time);
    }

    /// <summary>Does something else on the channel, such as declaring a queue.</summary>
    public Task PrepareAsync(Func<IChannel, Task> prepare) => prepare(_channel);

    /// <summary>Whether something came back that no queue took, since this was asked last.</summary>
    public bool TakeHasReturned() => Interlocked.Exchange(ref _hasReturned, value: false);

    /// <summary>
    /// Publishes a batch and waits for the confirms. Never inside a database transaction: nothing here knows of one. Null:
    /// all of it is settled; otherwise why the rest of it is not.
    /// </summary>
    /// <param name="message">The message at an index; asked for in order, each after the one before is on its way.</param>
    public async Task<BrokerTrouble?> PublishAsync(PublishBatch batch, Func<int, Publication> message, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(_timeout, _time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _over.Token, cancellationToken);
        try
        {
            await _turn.WaitAsync(end.Token);
            try
            {
                for (var index = 0; index < batch.Count; index++)
                {
                    end.Token.ThrowIfCancellationRequested();
                    await PublishAsync(batch, index, message(index), end.Token);
                }
            }
            finally
            {
                _turn.Release();
            }

            await batch.Ended.WaitAsync(end.Token);
        }
        catch (OperationCanceledException)
        {
            _window.Abandon(batch);
            if (timeout.IsCancellationRequested)
                End(new BrokerTrouble($"RabbitMQ did not confirm within {_timeout.TotalSeconds} seconds."));
            return Volatile.Read(ref _trouble) ?? BrokerTrouble.Interrupted;
        }

        return Volatile.Read(ref _trouble);
    }

    public async ValueTask DisposeAsync()
    {
        End(BrokerTrouble.Interrupted);
        await Volatile.Read(ref _closed);
    }

    private async ValueTask PublishAsync(PublishBatch batch, int index, Publication message, CancellationToken cancellationToken)
    {
        _window.Add(batch, index, message.Properties.MessageId);
        try
        {
            await _channel.BasicPublishAsync(message.Exchange, message.RoutingKey, mandatory: true, message.Properties, message.Body, cancellationToken);
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            End(cancellationToken.IsCancellationRequested ? BrokerTrouble.Interrupted : BrokerTrouble.Of(error));
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private Task OnAckAsync(object sender, BasicAckEventArgs ack)
    {
        _window.Confirm(ack.DeliveryTag, ack.Multiple);
        return Task.CompletedTask;
    }

    private Task OnNackAsync(object sender, BasicNackEventArgs nack)
    {
        _window.Refuse(nack.DeliveryTag, nack.Multiple);
        return Task.CompletedTask;
    }

    private Task OnReturnAsync(object sender, BasicReturnEventArgs returned)
    {
        Volatile.Write(ref _hasReturned, value: true);
        var exchange = returned.Exchange.Length == 0 ? "The default exchange" : $"The exchange \"{returned.Exchange}\"";
        _window.Return(
            returned.BasicProperties.MessageId,
            $"{exchange} leads the routing key \"{returned.RoutingKey}\" to no queue ({returned.ReplyText}).");
        return Task.CompletedTask;
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs end)
    {
        End(BrokerTrouble.Of(end));
        return Task.CompletedTask;
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs blocked)
    {
        End(BrokerTrouble.Of(blocked));
        return Task.CompletedTask;
    }

    private Task OnUnblockedAsync(object sender, AsyncEventArgs unblocked)
    {
        if (IsOver)
            Volatile.Write(ref _closed, Task.Run(CloseAsync));
        return Task.CompletedTask;
    }

    /// <summary>Must be quick: it runs where the connection reads.</summary>
    private void End(BrokerTrouble trouble)
    {
        if (Interlocked.CompareExchange(ref _trouble, trouble, comparand: null) is not null)
            return;
        _connection.ConnectionShutdownAsync -= OnShutdownAsync;
        _connection.ConnectionBlockedAsync -= OnBlockedAsync;
        _window.Close();
        _ = _over.CancelAsync();
        Volatile.Write(ref _closed, Task.Run(CloseAsync));
    }

    private async Task CloseAsync()
    {
        // While a connection is blocked nobody reads the farewell; it is said when that is over.
        if (_broker.Blocked is not null && _connection.IsOpen)
            return;
        _connection.ConnectionUnblockedAsync -= OnUnblockedAsync;
        try
        {
            await _channel.CloseAsync(Constants.ReplySuccess, "Goodbye", abort: true);
            await _channel.DisposeAsync();
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            // Gone already.
        }
    }
}
