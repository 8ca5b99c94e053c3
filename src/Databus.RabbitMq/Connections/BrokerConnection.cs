using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Databus.RabbitMq.Connections;

/// <summary>
/// One long-lived connection: made when it is first needed, and again when it is needed after it broke. Whoever used it
/// starts anew on a channel of the new one; the client's own recovery stays off, because it goes on with channels whose
/// confirms and deliveries are lost without a word.
/// </summary>
internal sealed partial class BrokerConnection : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(3);

    /// <summary>The largest message a broker can be told to take. A smaller limit here would end the connection again and again.</summary>
    private const uint LargestMessage = 512 << 20;

    private readonly string _purpose;
    private readonly BrokerAddress _address;
    private readonly ConnectionFactory _factory;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private volatile IConnection? _connection;
    private volatile BrokerTrouble? _blocked;
    private BrokerTrouble? _lastFailure;
    private DateTimeOffset _notBefore;
    private int _failures;

    public BrokerConnection(string purpose, RabbitMqOptions options, TimeProvider time, ILogger logger)
    {
        if (!BrokerAddress.TryRead(options.Uri, out var address, out var mistake))
            throw new InvalidOperationException(mistake);
        _purpose = purpose;
        _address = address;
        _time = time;
        _logger = logger;
        _factory = new ConnectionFactory
        {
            AutomaticRecoveryEnabled = false,
            RequestedHeartbeat = options.Heartbeat,
            RequestedConnectionTimeout = TimeSpan.FromSeconds(5),
            HandshakeContinuationTimeout = TimeSpan.FromSeconds(10),
            ContinuationTimeout = TimeSpan.FromSeconds(10),
            MaxInboundMessageBodySize = LargestMessage,
            ClientProvidedName = $"databus {purpose} {Environment.MachineName}",
        };
        address.WriteTo(_factory);
    }

    /// <summary>Why nothing can be published although the connection is open: the broker is short of memory or disk.</summary>
    public BrokerTrouble? Blocked => _blocked;

    /// <summary>The open connection.</summary>
    /// <exception cref="BrokerUnavailableException">There is none, and it is not yet time to try again, or trying failed.</exception>
    public async ValueTask<IConnection> GetAsync(CancellationToken cancellationToken)
    {
        if (_connection is { IsOpen: true } open)
            return open;
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            if (_connection is { IsOpen: true } meanwhile)
                return meanwhile;
            if (_lastFailure is { } last && _time.GetUtcNow() < _notBefore)
                throw new BrokerUnavailableException(last);
            return await ConnectAsync(cancellationToken);
        }
        finally
        {
            _connecting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_connection is { } connection)
            await CloseAsync(connection);
        _connecting.Dispose();
    }

    private async Task<IConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            var broken = _connection;
            _connection = null;
            if (broken is not null)
                await CloseAsync(broken);
            var connection = await _factory.CreateConnectionAsync(cancellationToken);
            _blocked = null;
            connection.ConnectionBlockedAsync += OnBlockedAsync;
            connection.ConnectionUnblockedAsync += OnUnblockedAsync;
            connection.ConnectionShutdownAsync += OnShutdownAsync;
            _connection = connection;
            _lastFailure = null;
            _failures = 0;
            LogConnected(_purpose, _address);
            return connection;
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error) && !cancellationToken.IsCancellationRequested)
        {
            var pause = FirstPause * Math.Pow(2, Math.Min(_failures++, 10));
            _notBefore = _time.GetUtcNow() + (pause < LongestPause ? pause : LongestPause);
            _lastFailure = new BrokerTrouble($"{BrokerTrouble.Of(error).Sentence} ({_address})");
            if (_failures == 1)
                LogNotConnected(_purpose, _lastFailure.Sentence);
            throw new BrokerUnavailableException(_lastFailure);
        }
    }

    private static async Task CloseAsync(IConnection connection)
    {
        try
        {
            await connection.CloseAsync(Constants.ReplySuccess, "Goodbye", CloseTimeout, abort: true);
            await connection.DisposeAsync();
        }
        catch (Exception error) when (BrokerTrouble.IsTrouble(error))
        {
            // It was broken; there is nobody left to say goodbye to.
        }
    }

    private Task OnBlockedAsync(object sender, ConnectionBlockedEventArgs blocked)
    {
        if (ReferenceEquals(sender, _connection))
            _blocked = BrokerTrouble.Of(blocked);
        LogBlocked(blocked.Reason);
        return Task.CompletedTask;
    }

    private Task OnUnblockedAsync(object sender, AsyncEventArgs unblocked)
    {
        if (ReferenceEquals(sender, _connection))
            _blocked = null;
        LogUnblocked();
        return Task.CompletedTask;
    }

    private Task OnShutdownAsync(object sender, ShutdownEventArgs end)
    {
        if (end.Initiator != ShutdownInitiator.Application)
            LogBroken(_purpose, BrokerTrouble.Of(end).Sentence);
        return Task.CompletedTask;
    }

    [LoggerMessage(EventId = 60, Level = LogLevel.Information, Message = "Connected to RabbitMQ for {Purpose}: {Address}")]
    private partial void LogConnected(string purpose, BrokerAddress address);

    [LoggerMessage(EventId = 61, Level = LogLevel.Warning, Message = "No connection to RabbitMQ for {Purpose}; it is tried again. {Trouble}")]
    private partial void LogNotConnected(string purpose, string trouble);

    [LoggerMessage(EventId = 62, Level = LogLevel.Warning, Message = "The connection to RabbitMQ for {Purpose} is gone. {Trouble}")]
    private partial void LogBroken(string purpose, string trouble);

    [LoggerMessage(EventId = 63, Level = LogLevel.Warning, Message = "RabbitMQ takes no messages at the moment: {Reason}")]
    private partial void LogBlocked(string reason);

    [LoggerMessage(EventId = 64, Level = LogLevel.Information, Message = "RabbitMQ takes messages again")]
    private partial void LogUnblocked();
}
