using System.Diagnostics;
using Databus.Destinations;
using Databus.Jobs;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>
/// Sends in the background, right after each commit: looks where it was told of something, claims as much as there is room for, and
/// sends it. A look at everything, once a second, finds what nobody told of.
/// </summary>
internal sealed partial class OutboxRelay : IAsyncDisposable
{
    /// <summary>A full look takes at most one part in so many of the time, as long as that does not make it rare.</summary>
    private const int ShareOfFullLooks = 20;

    private static readonly TimeSpan LongestBetweenFullLooks = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan FirstWaitForStore = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWaitForStore = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestClaim = TimeSpan.FromSeconds(30);

    /// <summary>At a stop, how long the store has to keep how the last sends went.</summary>
    private static readonly TimeSpan TimeToKeep = TimeSpan.FromSeconds(2);

    private readonly IOutboxStore _store;
    private readonly OutboxSends _sends;
    private readonly OutboxLeases _leases;
    private readonly OutboxCircuits _circuits;
    private readonly OutboxOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<OutboxRelay> _logger;
    private readonly WakeUp _wakeUp;
    private readonly Lock _gate = new();
    private readonly List<Lane> _lanes;

    // Three steps of a stop: no more claims; no more sends; nor is the store waited for.
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _leaveSends;
    private readonly CancellationTokenSource _leaveStore;
    private readonly HashSet<Task> _underWay = [];
    private long _nextFullLook;
    private long _nextDue = long.MaxValue;
    private Task _work = Task.CompletedTask;

    public OutboxRelay(
        IOutboxStore store, OutboxTypes types, OutboxSends sends, OutboxLeases leases, OutboxCircuits circuits, OutboxOptions options, TimeProvider time,
        ILogger<OutboxRelay> logger)
    {
        _store = store;
        _sends = sends;
        _leases = leases;
        _circuits = circuits;
        _options = options;
        _time = time;
        _logger = logger;
        _wakeUp = new WakeUp(time);
        _leaveSends = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _leaveStore = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        var sent = types.All.Where(type => type is { HasSender: true, AutoFlush: true }).ToList();
        _lanes = [.. sent.SelectMany(type => type.Names.Select(name => new Lane(type, name)))];
        SendsAll = options.Relay && types.All.All(type => type.HasSender || !type.AutoFlush);
    }

    /// <summary>True: nothing that this process records needs another one to send it right after the commit.</summary>
    public bool SendsAll { get; }

    public bool HasWork => _lanes.Count > 0;

    public void Start()
    {
        using (ExecutionContext.SuppressFlow())
            _work = Task.Run(RunAsync, CancellationToken.None);
    }

    /// <summary>There may be something to claim from this id up; null: anywhere.</summary>
    public void Tell(long? lowestId)
    {
        lock (_gate)
        {
            foreach (var lane in _lanes)
                lane.Lower(lowestId ?? 0);
        }

        _wakeUp.Set();
    }

    /// <summary>Claims nothing more; sends under way have their time to end. What was not sent is given back.</summary>
    public async Task StopAsync()
    {
        _leaveSends.CancelAfter(_options.DrainTime);
        _leaveStore.CancelAfter(_options.DrainTime + OutboxSending.Grace + TimeToKeep);
        await _stop.CancelAsync();
        await _work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Task[] underWay;
        lock (_gate)
            underWay = [.. _underWay];
        await Task.WhenAll(underWay);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _stop.Dispose();
        _leaveSends.Dispose();
        _leaveStore.Dispose();
    }

    private async Task RunAsync()
    {
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                var wait = await LookAsync();
                failures = 0;
                if (wait > TimeSpan.Zero)
                    await _wakeUp.WaitAsync(wait, _stop.Token);
            }
            catch (Exception error)
            {
                if (_stop.IsCancellationRequested)
                    return;
                if (++failures == 1)
                    LogStoreFailed(error);
                var wait = BackOff.After(failures, FirstWaitForStore, LongestWaitForStore, Random.Shared.NextDouble());
                await Task.Delay(wait, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Claims what there is room for and lets it go its way. Returns how long there is nothing more to do.</summary>
    private async Task<TimeSpan> LookAsync()
    {
        var now = _time.GetTimestamp();
        var isFull = now >= _nextFullLook;
        var (looks, longest) = Plan(now, isFull);
        if (looks.Count == 0)
        {
            // Each lane knows by now that it is to look: when it has room, or its destination may be tried. Until then nothing is to be done.
            if (isFull)
                _nextFullLook = now + Ticks(_options.BetweenFullLooks);
            return Shortest(longest);
        }

        OutboxClaims claims;
        try
        {
            using var patience = new CancellationTokenSource(LongestClaim, _time);
            claims = await _store.ClaimAsync([.. looks.Select(look => look.Look)], _options.Lease, _leases.Tokens, patience.Token);
        }
        catch
        {
            foreach (var look in looks)
                GiveBack(look, look.Look.From, isDue: true);
            throw;
        }

        if (isFull)
        {
            var took = _time.GetTimestamp() - now;
            _nextFullLook = now + Math.Max(Ticks(_options.BetweenFullLooks), Math.Min(took * ShareOfFullLooks, Ticks(LongestBetweenFullLooks)));
        }

        if (claims.NextDue is { } next)
        {
            lock (_gate)
                _nextDue = Math.Min(_nextDue, now + Ticks(next) + 1);
        }

        var goesOn = false;
        for (var place = 0; place < looks.Count; place++)
        {
            var look = looks[place];
            var batch = claims.Batches.FirstOrDefault(one => one.Token == look.Look.Token);
            var end = claims.Ends[place];

            // A full batch may have left some that are due.
            var isFilled = batch?.Messages.Count == look.Look.Most;
            GiveBack(look, end.Next ?? (isFilled ? batch!.Messages[^1].Id + 1 : long.MaxValue), isUnderWay: batch is not null);
            goesOn |= end.Next is not null || isFilled;
            if (batch is not null)
                Send(look, batch, now);
        }

        return goesOn ? TimeSpan.Zero : Shortest(longest);
    }

    /// <summary>Where to look, and how long at most to wait before looking again.</summary>
    private (List<Planned> Looks, TimeSpan Longest) Plan(long now, bool isFull)
    {
        var longest = _options.BetweenFullLooks;
        var looks = new List<Planned>();
        lock (_gate)
        {
            var isDue = now >= _nextDue;
            if (isDue)
                _nextDue = long.MaxValue;
            foreach (var lane in _lanes)
            {
                lane.IsDue |= isDue;
                if (isFull)
                    lane.Lower(0);
                if (lane.From == long.MaxValue && !lane.IsDue)
                    continue;
                var entry = _circuits.Of(lane.Type).Enter();
                if (entry.Wait > TimeSpan.Zero)
                {
                    longest = entry.Wait < longest ? entry.Wait : longest;
                    continue;
                }

                // A trial is the only thing that goes to the destination.
                var room = entry.IsTrial ? 1 : _options.BatchesAtOnce;
                var busy = entry.IsTrial ? _lanes.Where(other => other.Type.Destination == lane.Type.Destination).Sum(other => other.UnderWay) : lane.UnderWay;
                if (busy >= room)
                    continue;
                var most = entry.IsTrial ? Math.Min(Circuit.LargestTrial, lane.Type.BatchSize) : lane.Type.BatchSize;
                looks.Add(new Planned(lane, new OutboxLook(lane.Name, Guid.NewGuid(), most, lane.From), entry));
                lane.From = long.MaxValue;
                lane.IsDue = false;
                lane.UnderWay++;
            }
        }

        return (looks, longest);
    }

    /// <summary>What was told meanwhile stays told.</summary>
    private void GiveBack(Planned look, long from, bool isDue = false, bool isUnderWay = false)
    {
        lock (_gate)
        {
            look.Lane.Lower(from);
            look.Lane.IsDue |= isDue;
            if (!isUnderWay)
                look.Lane.UnderWay--;
        }
    }

    private void Send(Planned look, OutboxBatch batch, long claimedAt)
    {
        var sending = Task.Run(() => SendAsync(look, batch, claimedAt), CancellationToken.None);
        lock (_gate)
            _underWay.Add(sending);
        _ = sending.ContinueWith(
            done =>
            {
                lock (_gate)
                    _underWay.Remove(done);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Never fails: what could not be kept comes again when its lease ends.</summary>
    private async Task SendAsync(Planned look, OutboxBatch batch, long claimedAt)
    {
        long? freed = null;
        try
        {
            var tally = await _sends.SendAsync(
                look.Lane.Type, batch, claimedAt, look.Entry, inOrder: false, keepsClaim: false, _leaveSends.Token, _leaveStore.Token);
            freed = tally.Freed;
            if (tally.NextDue is { } next)
            {
                lock (_gate)
                    _nextDue = Math.Min(_nextDue, _time.GetTimestamp() + Ticks(next) + 1);
            }
        }
        catch (Exception error)
        {
            LogNotKept(look.Lane.Name, batch.Messages.Count, error);
        }

        lock (_gate)
        {
            look.Lane.UnderWay--;
            if (freed is { } id)
                look.Lane.Lower(id);
        }

        _wakeUp.Set();
    }

    private TimeSpan Shortest(TimeSpan longest)
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            var next = Math.Min(_nextDue, _nextFullLook) - now;
            var wait = next <= 0 ? TimeSpan.FromMilliseconds(1) : TimeSpan.FromSeconds((double)next / _time.TimestampFrequency);
            return wait < longest ? wait : longest;
        }
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);

    /// <summary>The messages of one name.</summary>
    [DebuggerDisplay("{Name} from {From}, {UnderWay} under way")]
    private sealed class Lane(OutboxType type, string name)
    {
        public OutboxType Type { get; } = type;

        public string Name { get; } = name;

        /// <summary>From this id up there may be something to claim; <see cref="long.MaxValue"/>: nothing is known of.</summary>
        public long From { get; set; }

        /// <summary>Something that failed may be due, wherever it is.</summary>
        public bool IsDue { get; set; }

        /// <summary>Batches that are claimed, or being claimed.</summary>
        public int UnderWay { get; set; }

        public void Lower(long id) => From = Math.Min(From, id);
    }

    private sealed record Planned(Lane Lane, OutboxLook Look, Entry Entry);

    [LoggerMessage(EventId = 67, Level = LogLevel.Error, Message = "Outbox: nothing could be claimed; it is tried again")]
    private partial void LogStoreFailed(Exception error);

    [LoggerMessage(EventId = 68, Level = LogLevel.Error, Message = "Outbox: how a batch of {Count} messages {Type} went could not be kept; they come again when their lease ends")]
    private partial void LogNotKept(string type, int count, Exception error);
}
