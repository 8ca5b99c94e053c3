using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>
/// The transactions that have recorded messages and of which it is not known yet whether they have committed. No event of the process
/// tells of every commit (a transaction that was adopted, or an ambient one, commits elsewhere), so the database is asked: every few
/// milliseconds at first, all of them in one statement, and only while there are any.
/// </summary>
internal sealed partial class UnsettledTransactions(IOutboxStore store, OutboxRelay relay, TimeProvider time, ILogger<UnsettledTransactions> logger) : IDisposable
{
    private static readonly TimeSpan ShortestGap = TimeSpan.FromMilliseconds(2);
    private static readonly TimeSpan LongestGap = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    /// <summary>The older the youngest, the longer the gap: an eighth of its age.</summary>
    private const double GapPerAge = 0.125;

    private readonly Lock _gate = new();
    private readonly Dictionary<ulong, Unsettled> _unsettled = [];
    private readonly CancellationTokenSource _stop = new();
    private long? _announced;
    private bool _isRunning;

    /// <summary>To be watched until it has ended.</summary>
    public void Add(ulong transaction, long lowestId)
    {
        lock (_gate)
        {
            var lowest = _unsettled.TryGetValue(transaction, out var before) ? Math.Min(before.LowestId, lowestId) : lowestId;
            _unsettled[transaction] = new Unsettled(lowest, time.GetTimestamp());
            Run();
        }
    }

    /// <summary>Something is committed, from this id up.</summary>
    public void Committed(long lowestId)
    {
        relay.Tell(lowestId);
        if (relay.SendsAll)
            return;
        lock (_gate)
        {
            _announced = Math.Min(_announced ?? long.MaxValue, lowestId);
            Run();
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        _stop.Dispose();
    }

    private void Run()
    {
        if (_isRunning || _stop.IsCancellationRequested)
            return;
        _isRunning = true;

        // The caller's ambient transaction is the last place from which to ask how it ended.
        using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            _ = Task.Run(() => WatchAsync(_stop.Token), CancellationToken.None);
    }

    private async Task WatchAsync(CancellationToken stop)
    {
        for (var failures = 0; !stop.IsCancellationRequested;)
        {
            ulong[] asked;
            long? announced;
            TimeSpan gap;
            lock (_gate)
            {
                (announced, _announced) = (_announced, null);
                if (_unsettled.Count == 0 && announced is null)
                {
                    _isRunning = false;
                    return;
                }

                asked = [.. _unsettled.Keys];
                gap = asked.Length == 0 ? TimeSpan.Zero : GapFor(_unsettled.Values.Max(one => one.AddedAt));
            }

            try
            {
                if (announced is { } lowestId)
                    await store.AnnounceAsync(lowestId, stop);
                if (asked.Length > 0)
                {
                    await Task.Delay(gap, time, stop);
                    await SettleAsync(asked, stop);
                }

                failures = 0;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                if (++failures == 1)
                    LogNotAsked(error);
                if (error is not StoreException)
                    Forget(asked);
                await Task.Delay(AfterFailure, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SettleAsync(ulong[] asked, CancellationToken stop)
    {
        var lowest = long.MaxValue;
        var settled = await store.SettledAsync(asked, stop);
        lock (_gate)
        {
            foreach (var (transaction, isCommitted) in settled)
            {
                if (_unsettled.Remove(transaction, out var one) && isCommitted)
                    lowest = Math.Min(lowest, one.LowestId);
            }
        }

        if (lowest < long.MaxValue)
            Committed(lowest);
    }

    /// <summary>The database does not know them, as after another one took its place. What they recorded is found by the poll.</summary>
    private void Forget(ulong[] transactions)
    {
        lock (_gate)
        {
            foreach (var transaction in transactions)
                _unsettled.Remove(transaction);
        }
    }

    private TimeSpan GapFor(long youngest)
    {
        var gap = time.GetElapsedTime(youngest) * GapPerAge;
        return gap < ShortestGap ? ShortestGap : gap > LongestGap ? LongestGap : gap;
    }

    private readonly record struct Unsettled(long LowestId, long AddedAt);

    [LoggerMessage(EventId = 69, Level = LogLevel.Warning, Message = "Outbox: how transactions ended cannot be asked; what they recorded is found by the poll meanwhile")]
    private partial void LogNotAsked(Exception error);
}
