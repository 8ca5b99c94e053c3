using Databus.Subscriptions;
using Databus.Telemetry;
using Microsoft.Extensions.Logging;

namespace Databus.Destinations;

/// <summary>
/// Pushes one subscription until it is told to stop: one batch is waited for while others are sent and kept. What a
/// send did not settle comes again, at the latest when its lease ends.
/// </summary>
internal sealed partial class Pusher : IDisposable
{
    public const int BatchesAtOnce = 4;
    public const int LargestBatch = 500;

    /// <summary>How long sends under way may go on after the stop.</summary>
    public static readonly TimeSpan DrainTime = TimeSpan.FromSeconds(5);

    /// <summary>Of a lease: then a send is cancelled. The rest is for keeping how it went.</summary>
    private const double SendShare = 0.8;

    /// <summary>Of a lease: then a send that does not heed its cancellation is not waited for any more.</summary>
    private const double PatienceShare = 0.9;

    /// <summary>What was not sent stays away for this long, so that nobody takes it again and again.</summary>
    private static readonly TimeSpan DelayOfUnsent = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstDelayOfFailed = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestDelayOfFailed = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan FirstWaitForStore = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWaitForStore = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestFetch = TimeSpan.FromMinutes(1);

    private readonly IDestinationKind _kind;
    private readonly Fetcher _fetcher;
    private readonly DatabusMeter _meter;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Circuit _circuit;
    private readonly SemaphoreSlim _room = new(BatchesAtOnce, BatchesAtOnce);
    private readonly Lock _gate = new();
    private IDestination? _destination;

    /// <summary>The wait for the next batch, which an outage ends.</summary>
    private CancellationTokenSource? _waiting;

    // Four steps of a stop: no more fetches; sends are cancelled; sends are not waited for; nor is the store.
    private readonly CancellationTokenSource _stop;
    private readonly CancellationTokenSource _cancelSends;
    private readonly CancellationTokenSource _leaveSends;
    private readonly CancellationTokenSource _leaveStore;

    public Pusher(
        PushSubscription subscription, IDestinationKind kind, Fetcher fetcher, DatabusMeter meter, TimeProvider time, ILogger logger)
    {
        Subscription = subscription;
        _kind = kind;
        _fetcher = fetcher;
        _meter = meter;
        _time = time;
        _logger = logger;
        _circuit = new Circuit(time);
        _stop = new CancellationTokenSource();
        _cancelSends = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _leaveSends = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _leaveStore = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
    }

    public PushSubscription Subscription { get; }

    /// <summary>Since when and why the destination is not there; null: it is, as far as is known.</summary>
    public Outage? Outage => _circuit.Outage;

    /// <summary>Fetches nothing more; <see cref="RunAsync"/> ends when what is under way has ended or was returned.</summary>
    public void Stop()
    {
        if (_stop.IsCancellationRequested)
            return;
        _cancelSends.CancelAfter(DrainTime);
        _leaveSends.CancelAfter(DrainTime + TimeSpan.FromSeconds(1));
        _leaveStore.CancelAfter(DrainTime + TimeSpan.FromSeconds(3));

        // Not here and now: whoever stops it holds a lock.
        _ = _stop.CancelAsync();
    }

    public async Task RunAsync()
    {
        await Task.Yield();
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                await PushOneBatchAsync();
                failures = 0;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // Nothing was fetched.
            }
            catch (Exception error)
            {
                if (++failures == 1)
                    LogStoreFailed(Subscription.Topic.Name, Subscription.Name, error);
                var wait = BackOff.After(failures, FirstWaitForStore, LongestWaitForStore, Random.Shared.NextDouble());
                await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        for (var ended = 0; ended < BatchesAtOnce; ended++)
            await _room.WaitAsync();
        await CloseDestinationAsync();
    }

    public void Dispose()
    {
        _stop.Dispose();
        _cancelSends.Dispose();
        _leaveSends.Dispose();
        _leaveStore.Dispose();
        _room.Dispose();
    }

    /// <summary>Waits for a batch and lets it go its way; while the circuit is open, for a small one and its end.</summary>
    private async Task PushOneBatchAsync()
    {
        await _room.WaitAsync(_stop.Token);
        var isHandled = false;
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        try
        {
            var entry = Enter(waiting);
            for (; entry.Wait > TimeSpan.Zero; entry = Enter(waiting))
                await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(entry.Wait.TotalMilliseconds)), _time, _stop.Token);

            var (deliveries, askedAt) = await _fetcher.FetchToPushAsync(
                Subscription, entry.IsTrial ? Circuit.LargestTrial : LargestBatch, LongestFetch, asking: _leaveSends.Token, waiting.Token);
            if (deliveries.Count == 0)
                return;
            isHandled = true;
            var handling = HandleAsync(new Batch(deliveries, askedAt, entry.Round));
            if (entry.IsTrial)
                await handling;
        }
        catch (OperationCanceledException) when (waiting.IsCancellationRequested && !_stop.IsCancellationRequested)
        {
            // The destination is gone: the next one waits for a trial.
        }
        finally
        {
            lock (_gate)
                _waiting = null;
            if (!isHandled)
                _room.Release();
        }
    }

    private Entry Enter(CancellationTokenSource waiting)
    {
        // With the wait in place before the look: an outage in between ends it.
        lock (_gate)
            _waiting = waiting;
        return _circuit.Enter();
    }

    /// <summary>Sends a batch and keeps how it went. Never fails: what could not be kept comes again when its lease ends.</summary>
    private async Task HandleAsync(Batch batch)
    {
        await Task.Yield();
        try
        {
            // Fetched while another send found the destination gone, or in the moment of the stop.
            var now = _circuit.Enter();
            var goesBack = _stop.IsCancellationRequested || (now.IsTrial && batch.Round != now.Round);
            await KeepAsync(batch, goesBack ? null : await SendAsync(batch));
        }
        catch (Exception error)
        {
            LogNotKept(Subscription.Topic.Name, Subscription.Name, batch.Deliveries.Count, error);
        }
        finally
        {
            _room.Release();
        }
    }

    /// <summary>Sends within the lease. Null: nothing was sent, for reasons that are not the destination's.</summary>
    private async Task<IReadOnlyList<SendOutcome>?> SendAsync(Batch batch)
    {
        var passed = _time.GetElapsedTime(batch.AskedAt);
        var left = (Subscription.Lease * SendShare) - passed;
        if (left <= TimeSpan.Zero)
            return null;

        using var late = new CancellationTokenSource(left, _time);
        using var lost = new CancellationTokenSource((Subscription.Lease * PatienceShare) - passed, _time);
        using var cancelled = CancellationTokenSource.CreateLinkedTokenSource(late.Token, _cancelSends.Token);
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(lost.Token, _leaveSends.Token);
        try
        {
            var outcomes = await Open().SendAsync(batch.Deliveries, cancelled.Token).WaitAsync(abandoned.Token);
            if (outcomes.Count != batch.Deliveries.Count)
                throw new InvalidOperationException($"{outcomes.Count} outcomes came back for {batch.Deliveries.Count} deliveries.");
            Judge(batch, outcomes);
            return outcomes;
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
        {
            return AllUnavailable(batch, $"No answer came within {left.TotalSeconds:0.#} s.", error: null);
        }
        catch (Exception error)
        {
            return AllUnavailable(batch, error.Message, error);
        }
    }

    private SendOutcome[] AllUnavailable(Batch batch, string reason, Exception? error)
    {
        var outcomes = new SendOutcome[batch.Deliveries.Count];
        Array.Fill(outcomes, new SendOutcome(SendResult.Unavailable, reason));
        Judge(batch, outcomes, error);
        return outcomes;
    }

    /// <summary>What the outcomes say about the destination as a whole.</summary>
    private void Judge(Batch batch, IReadOnlyList<SendOutcome> outcomes, Exception? error = null)
    {
        int sent = 0, failed = 0, unavailable = 0;
        string? reason = null;
        TimeSpan? retryAfter = null;
        foreach (var outcome in outcomes)
        {
            sent += outcome.Result == SendResult.Sent ? 1 : 0;
            failed += outcome.Result is SendResult.Failed or SendResult.Hopeless ? 1 : 0;
            if (outcome.Result != SendResult.Unavailable)
                continue;
            unavailable++;
            reason ??= outcome.Reason;
            retryAfter = retryAfter > outcome.RetryAfter ? retryAfter : outcome.RetryAfter ?? retryAfter;
        }

        _meter.Pushed(sent, failed);

        // A send that we cancelled, because we stop, says nothing.
        if (unavailable > 0 && !_cancelSends.IsCancellationRequested)
        {
            reason ??= "The destination is not there.";
            if (!_circuit.Open(batch.Round, reason, tookSome: unavailable < outcomes.Count, retryAfter))
                return;
            LogUnavailable(Subscription.Topic.Name, Subscription.Name, _kind.Name, reason, error);
            lock (_gate)
                _ = _waiting?.CancelAsync();
        }
        else if (unavailable == 0 && _circuit.Close(batch.Round))
        {
            LogAvailable(Subscription.Topic.Name, Subscription.Name, _kind.Name);
        }
    }

    private async Task KeepAsync(Batch batch, IReadOnlyList<SendOutcome>? outcomes)
    {
        var sent = new List<LeaseToken>(batch.Deliveries.Count);
        var returned = new List<NegativeAcknowledgement>();
        for (var at = 0; at < batch.Deliveries.Count; at++)
        {
            var delivery = batch.Deliveries[at];
            var outcome = outcomes?[at] ?? new SendOutcome(SendResult.Unavailable);
            if (outcome.Result == SendResult.Sent)
                sent.Add(delivery.Token!.Value);
            else
                returned.Add(Returned(delivery, outcome));
        }

        var (topic, name) = (Subscription.Topic, Subscription.Name);
        var keeping = Task.WhenAll(
            sent.Count == 0 ? Task.CompletedTask : RetryAsync(batch, async () =>
                await _fetcher.AcknowledgeAsync(topic, name, sent, _leaveStore.Token)),
            returned.Count == 0 ? Task.CompletedTask : RetryAsync(batch, async () =>
                _meter.Parked((await _fetcher.NegativeAcknowledgeAsync(topic, name, returned, _leaveStore.Token)).Dead)));
        await keeping;
    }

    private NegativeAcknowledgement Returned(Delivery delivery, SendOutcome outcome)
    {
        var token = delivery.Token!.Value;
        return outcome.Result switch
        {
            SendResult.Hopeless => new(token, TimeSpan.Zero, outcome.Reason, AttemptUse.IsTheLast),
            SendResult.Failed => new(
                token,
                BackOff.After(delivery.Attempt, FirstDelayOfFailed, LongestDelayOfFailed, Random.Shared.NextDouble(), outcome.RetryAfter),
                outcome.Reason),

            // When this node stops, another one shall have it at once.
            _ => new(token, _stop.IsCancellationRequested ? TimeSpan.Zero : DelayOfUnsent, outcome.Reason, AttemptUse.DoesNotCount),
        };
    }

    /// <summary>Tells the store again and again, until it is done or the leases are over and nothing is left to tell.</summary>
    private async Task RetryAsync(Batch batch, Func<Task> tell)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                await tell();
                return;
            }
            catch (Exception) when (_time.GetElapsedTime(batch.AskedAt) < Subscription.Lease && !_leaveStore.IsCancellationRequested)
            {
                var wait = BackOff.After(failures, FirstWaitForStore, LongestWaitForStore, Random.Shared.NextDouble());
                await Task.Delay(wait, _time, _leaveStore.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private IDestination Open()
    {
        lock (_gate)
            return _destination ??= _kind.Open(Subscription);
    }

    private async Task CloseDestinationAsync()
    {
        try
        {
            if (_destination is not null)
                await _destination.DisposeAsync().AsTask().WaitAsync(_leaveStore.Token);
        }
        catch (Exception error)
        {
            LogNotClosed(Subscription.Topic.Name, Subscription.Name, error);
        }
    }

    /// <summary>What one fetch brought.</summary>
    /// <param name="AskedAt">When the store was asked: its leases are that old at most.</param>
    /// <param name="Round">The circuit's round when it was asked.</param>
    private sealed record Batch(IReadOnlyList<Delivery> Deliveries, long AskedAt, int Round);

    [LoggerMessage(EventId = 40, Level = LogLevel.Warning, Message = "{Topic}/{Subscription}: the destination {Kind} is not available: {Reason}")]
    private partial void LogUnavailable(string topic, string subscription, string kind, string reason, Exception? error);

    [LoggerMessage(EventId = 41, Level = LogLevel.Information, Message = "{Topic}/{Subscription}: the destination {Kind} is available again")]
    private partial void LogAvailable(string topic, string subscription, string kind);

    [LoggerMessage(EventId = 42, Level = LogLevel.Error, Message = "{Topic}/{Subscription}: nothing could be fetched; it is tried again")]
    private partial void LogStoreFailed(string topic, string subscription, Exception error);

    [LoggerMessage(EventId = 43, Level = LogLevel.Error, Message = "{Topic}/{Subscription}: how the push of {Count} items went could not be kept; they come again when their leases end")]
    private partial void LogNotKept(string topic, string subscription, int count, Exception error);

    [LoggerMessage(EventId = 44, Level = LogLevel.Warning, Message = "{Topic}/{Subscription}: the destination could not be closed in order")]
    private partial void LogNotClosed(string topic, string subscription, Exception error);
}
