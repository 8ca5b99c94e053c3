using System.Globalization;
using Databus.Destinations;
using Databus.Hosting;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Jobs;

/// <summary>
/// Runs jobs on this node: claims as many as there is room for, and never more, so that no job waits here while another
/// node is idle. The polls of sources have room of their own, where the node collects: neither do slow feeds hold up other jobs,
/// nor a backlog of those the feeds.
/// </summary>
/// <remarks>
/// When the host stops, nothing more is claimed, handlers have <see cref="DatabusOptions.JobDrainTime"/> to end, and what
/// has not ended is given back at once, for another node; that start uses up no attempt. A handler that does not heed its
/// token is not waited for.
/// </remarks>
internal sealed partial class JobWorker : IHostedLifecycleService, IDisposable
{
    /// <summary>So late at most it is seen what became claimable, should its word be lost.</summary>
    private static readonly TimeSpan BetweenClaims = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BetweenSweeps = TimeSpan.FromMilliseconds(500);

    /// <summary>However much changes, whoever wants a job cancelled is asked for no more often than this.</summary>
    private static readonly TimeSpan ShortestBetweenSweeps = TimeSpan.FromMilliseconds(100);

    /// <summary>For handlers to end by themselves once they are told to stop.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>For a handler whose time is over: then its attempt has failed, whatever it still does.</summary>
    private static readonly TimeSpan GraceOfTimeLimit = TimeSpan.FromSeconds(10);

    /// <summary>For the store to take what has ended, when the node stops.</summary>
    private static readonly TimeSpan LongestGoodbye = TimeSpan.FromSeconds(2);

    /// <summary>For the jobs beside a suspect to end, before it is started beside them after all.</summary>
    private static readonly TimeSpan LongestHold = TimeSpan.FromMinutes(1);

    /// <summary>Before a suspect that another one is ahead of is claimed again.</summary>
    private static readonly TimeSpan BetweenSuspects = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstWaitForStore = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWaitForStore = TimeSpan.FromSeconds(5);

    /// <summary>Whose end the store has not taken yet: beyond this nothing more is claimed.</summary>
    private const int MostUnkept = 5000;

    private readonly IStore _store;
    private readonly NodeHeart _heart;
    private readonly JobRunner _runner;
    private readonly JobReports _reports;
    private readonly JobCompletions _completions;
    private readonly LostClaims _lostClaims;
    private readonly SpareThreads _spareThreads;
    private readonly TimeSpan _drainTime;
    private readonly TimeProvider _time;
    private readonly ILogger<JobWorker> _logger;
    private readonly JobShare[] _shares;
    private readonly WakeUp _claimable;
    private readonly WakeUp _changed;
    private readonly WakeUp _busyAgain;

    private readonly Lock _gate = new();

    /// <summary>From the claim until their end is kept.</summary>
    private readonly Dictionary<LeaseToken, JobRun> _runs = [];

    /// <summary>How many handlers are under way.</summary>
    private int _busy;
    private bool _wasSilent;

    /// <summary>
    /// Either this job ends its workers, or one of its neighbours did: it waits until it has the process for itself, and nothing
    /// is claimed meanwhile.
    /// </summary>
    private SuspectJob? _suspect;
    private TaskCompletionSource? _idle;

    // Three steps of a stop: no more claims; handlers are not waited for; nor is the store.
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly CancellationTokenSource _leaveStore = new();
    private Task? _stopped;
    private Task _claiming = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;

    /// <summary>Which of them shall stop; one question at a time.</summary>
    private Task _asking = Task.CompletedTask;
    private Task _reporting = Task.CompletedTask;
    private Task _completing = Task.CompletedTask;

    public JobWorker(
        IStore store, NodeHeart heart, JobKinds kinds, JobRunner runner, JobReports reports, IOptions<DatabusOptions> options, TimeProvider time,
        ILogger<JobWorker> logger)
    {
        _store = store;
        _heart = heart;
        _runner = runner;
        _reports = reports;
        _drainTime = options.Value.JobDrainTime;
        _time = time;
        _logger = logger;
        _shares = [.. SharesOf(options.Value)];
        _claimable = new WakeUp(time);
        _changed = new WakeUp(time);
        _busyAgain = new WakeUp(time);
        _completions = new JobCompletions(store, reports, Forget, time, logger);
        _lostClaims = new LostClaims(store, heart, time);
        _spareThreads = new SpareThreads(_shares.Sum(share => share.Most), logger);
        if (options.Value.Roles.HasFlag(NodeRoles.Worker))
            heart.JobNames = kinds.Handled;
        else if (_shares.Length > 0)
            heart.JobNames = [PollSource.JobName];
    }

    /// <summary>Handlers that were told to stop and go on (<c>jobs-do-not-stop</c>): they take the room of others.</summary>
    public IReadOnlyList<Warning> Warnings
    {
        get
        {
            lock (_gate)
            {
                var deaf = _runs.Values.Where(run => run.Reason == StopReason.TimeLimit && run.HasEnded && !run.IsFree).ToList();
                return deaf.Count == 0 ? [] :
                [
                    new Warning(
                        "jobs-do-not-stop",
                        string.Create(CultureInfo.InvariantCulture, $"{deaf.Count} handlers go on beyond their time limit and take room from other jobs; the first is of {deaf[0].Claimed.Name} {deaf[0].Claimed.Token.Id}.")),
                ];
            }
        }
    }

    /// <summary>Something may have become claimable in a queue; null: in any.</summary>
    public void Claimable(string? queue) => Wake(share => queue is null || share.Has(queue));

    /// <summary>Jobs ended, or shall.</summary>
    public void Changed() => _changed.Set();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _spareThreads.Start();
        _claiming = ClaimAsync();
        _sweeping = SweepAsync();
        _reporting = _reports.RunAsync(_leaveStore.Token);
        _completing = _completions.RunAsync(_leaveStore.Token);
        return Task.CompletedTask;
    }

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops claiming at once; other services may take their time to stop before it is this one's turn.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _stopped ??= DrainAsync();
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _stopped ??= DrainAsync();
        await using var hurry = cancellationToken.UnsafeRegister(static hurry => ((CancellationTokenSource)hurry!).Cancel(), _hurry);
        await _stopped;
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose()
    {
        _spareThreads.Dispose();
        _stop.Dispose();
        _hurry.Dispose();
        _leaveStore.Dispose();
    }

    private static IEnumerable<JobShare> SharesOf(DatabusOptions options)
    {
        if (options.Roles.HasFlag(NodeRoles.Worker) && options.JobQueues?.All(queue => queue == PollSource.Queue) != true)
            yield return new JobShare(options.JobQueues, [PollSource.Queue], options.JobConcurrency);
        if (options.Roles.HasFlag(NodeRoles.Collector))
            yield return new JobShare([PollSource.Queue], [], PollSource.MostAtOnce);
    }

    private async Task ClaimAsync()
    {
        await Task.Yield();
        for (var failures = 0; !_stop.IsCancellationRequested;)
        {
            try
            {
                if (_heart.IsSilent)
                {
                    // What it claimed now the others would take away.
                    await Task.Delay(BetweenSweeps, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    continue;
                }

                // Also when there is no room: a claim may come into force when its connection has long been given up.
                await ReturnLostClaimsAsync();
                foreach (var share in _shares)
                {
                    if (Room(share) is > 0 and var room)
                        await ClaimAsync(share, room);
                }

                failures = 0;
            }
            catch (Exception error)
            {
                // Whether something was claimed is not known.
                _lostClaims.Suspect();
                if (++failures == 1)
                    LogNotClaimed(error);
                await Task.Delay(BackOff.After(failures, FirstWaitForStore, LongestWaitForStore, Random.Shared.NextDouble()), _time, _stop.Token)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                Wake(static _ => true);
                continue;
            }

            if (UntilNextLook() is var wait && wait > TimeSpan.Zero)
                await _claimable.WaitAsync(wait, _stop.Token);
        }
    }

    private async Task ClaimAsync(JobShare share, int room)
    {
        // Not to be cancelled: what was claimed and is not known here would have to be found first.
        var askedAt = _time.GetTimestamp();
        var claims = await _store.Jobs.ClaimAsync(new JobClaim(_heart.Id, share.Queues, room) { Without = share.Without }, _leaveStore.Token);
        Start(share, claims.Jobs, askedAt);
        if (claims.More)
            LookAgain(share, TimeSpan.Zero);
        else if (claims.NextDueAt is { } due)
            LookAgain(share, due - _store.Now);
    }

    private async Task ReturnLostClaimsAsync()
    {
        var lost = await _lostClaims.FindAsync(IsKnown, _leaveStore.Token);
        if (lost.Count == 0)
            return;

        // They were not even begun here. Some may have been, and ended just now: those are refused.
        var refused = await _store.Jobs.CompleteAsync(
            [.. lost.Select(token => new JobCompletion(token, JobOutcome.Returned, Error: "The answer to the node that took it was lost."))],
            _leaveStore.Token);
        if (lost.Count > refused.Count)
            LogLostClaims(lost.Count - refused.Count);
    }

    private bool IsKnown(LeaseToken token)
    {
        lock (_gate)
            return _runs.ContainsKey(token);
    }

    /// <summary>How many may be claimed. None: it is not time for a look, or the loop is woken when there is room again.</summary>
    private int Room(JobShare share)
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            share.WantsRoom |= _suspect is not null;
            if (now < share.NextLook || _suspect is not null)
                return 0;
            var room = Math.Min(share.Most - share.Busy, MostUnkept + share.Most - _runs.Count);
            share.WantsRoom = room <= 0;
            if (room > 0)
                share.NextLook = now + Ticks(BetweenClaims);
            return room;
        }
    }

    /// <summary>Sooner than otherwise, if so.</summary>
    private void LookAgain(JobShare share, TimeSpan wait)
    {
        lock (_gate)
            share.NextLook = Math.Min(share.NextLook, _time.GetTimestamp() + Ticks(wait));
    }

    private TimeSpan UntilNextLook()
    {
        lock (_gate)
        {
            var now = _time.GetTimestamp();
            var next = _shares.Where(share => !share.WantsRoom).Select(share => share.NextLook).Append(now + Ticks(BetweenClaims)).Min();
            return _time.GetElapsedTime(now, next);
        }
    }

    private long Ticks(TimeSpan time) => (long)(time.TotalSeconds * _time.TimestampFrequency);

    /// <summary>Lets the loop look at these at once.</summary>
    private void Wake(Func<JobShare, bool> which)
    {
        var wakes = false;
        lock (_gate)
        {
            foreach (var share in _shares.Where(which))
            {
                share.NextLook = 0;
                share.WantsRoom = false;
                wakes = true;
            }
        }

        if (wakes)
            _claimable.Set();
    }

    private void Start(JobShare share, IReadOnlyList<ClaimedJob> jobs, long askedAt)
    {
        if (jobs.Count == 0)
            return;
        var runs = new JobRun[jobs.Count];
        for (var at = 0; at < runs.Length; at++)
            runs[at] = _runner.Prepare(jobs[at], askedAt);
        SuspectJob? suspect;
        lock (_gate)
        {
            if (_busy == 0)
            {
                _spareThreads.Tell(isBusy: true);
                _busyAgain.Set();
            }

            _busy += runs.Length;
            share.Busy += runs.Length;
            foreach (var run in runs)
            {
                _runs.Add(run.Claimed.Token, run);
                if (run.Claimed.Losses >= JobErrors.LossesOfASuspect)
                    _suspect ??= new SuspectJob(share, run, _time.GetTimestamp());
            }

            suspect = _suspect;
        }

        // Not here: what a handler does before it first waits would hold up the others. Whoever ends may start the suspect meanwhile.
        foreach (var run in runs)
        {
            if (run != suspect?.Run)
                Queue(share, run, isAlone: false);
        }

        StartSuspect();
    }

    private void Queue(JobShare share, JobRun run, bool isAlone) => ThreadPool.UnsafeQueueUserWorkItem(
        static start => _ = start.Worker.RunAsync(start.Share, start.Run, start.IsAlone), (Worker: this, Share: share, Run: run, IsAlone: isAlone), preferLocal: false);

    /// <summary>If nothing else runs, or that takes too long.</summary>
    private void StartSuspect()
    {
        SuspectJob suspect;
        bool isAlone;
        lock (_gate)
        {
            isAlone = _busy == 1;
            if (_suspect is not { IsStarted: false } held)
                return;
            var mustEnd = _stop.IsCancellationRequested || held.Run.Reason != StopReason.None;
            if (!isAlone && !mustEnd && _time.GetElapsedTime(held.HeldSince) < LongestHold)
                return;
            held.IsStarted = true;
            suspect = held;
        }

        Queue(suspect.Share, suspect.Run, isAlone);
    }

    /// <summary>
    /// What is told about a suspect before it begins, where it has the process for itself: the next loss is its own. False: it
    /// belongs to somebody else by now.
    /// </summary>
    private async Task<bool> TellIsAloneAsync(JobRun run)
    {
        var token = run.Claimed.Token;
        LogAlone(run.Claimed.Name, token.Id, run.Claimed.Losses);
        var answer = await _store.Jobs.ReportAsync([new JobReport(token, Progress: null, Message: null, []) { IsAlone = true }], _leaveStore.Token);
        return answer.Lost.Count == 0;
    }

    /// <summary>Never fails.</summary>
    private async Task RunAsync(JobShare share, JobRun run, bool isAlone)
    {
        JobCompletion completion;
        try
        {
            completion = _stop.IsCancellationRequested ? Returned(run, "The node that took it stopped.")
                : _heart.WasSilentSince(run.AskedAt) ? Returned(run, "The node that took it was not heard of for a while.")
                : run.Claimed.Losses >= JobErrors.LossesOfASuspect && run != _suspect?.Run ? Returned(run, "Another one that is to be run alone was ahead of it.", BetweenSuspects)
                : isAlone && !await TellIsAloneAsync(run) ? Returned(run, "It was taken away.")
                : await _runner.RunAsync(run);
        }
        catch (Exception error) when (error is StoreException or OperationCanceledException)
        {
            // Not begun: only what is told before can fail so.
            completion = Returned(run, error.Message);
        }
        catch (Exception error)
        {
            // A mistake of ours; the job shall not be lost for it.
            LogMistake(run.Claimed.Name, run.Claimed.Token.Id, error);
            completion = JobRunner.Failed(run, error);
        }

        if (run.TryEnd())
            _completions.Add(run, completion);
        Free(share, run);
        run.Dispose();
    }

    private static JobCompletion Returned(JobRun run, string reason, TimeSpan delay = default) => new(run.Claimed.Token, JobOutcome.Returned, Error: reason, Delay: delay);

    /// <summary>Its handler has come to its end, and others may have its room.</summary>
    private void Free(JobShare share, JobRun run)
    {
        bool wakes, wasSuspect;
        lock (_gate)
        {
            run.IsFree = true;
            if (run.IsKept)
                _runs.Remove(run.Claimed.Token);
            share.Busy--;
            if (--_busy == 0)
            {
                _spareThreads.Tell(isBusy: false);
                _idle?.TrySetResult();
            }

            wasSuspect = run == _suspect?.Run;
            if (wasSuspect)
                _suspect = null;
            wakes = wasSuspect || share.WantsRoom;
        }

        if (wakes)
            Wake(one => wasSuspect || one == share);
        StartSuspect();
    }

    /// <summary>Its end is kept, or never will be.</summary>
    private void Forget(JobRun run)
    {
        bool wakes;
        lock (_gate)
        {
            run.IsKept = true;
            if (run.IsFree)
                _runs.Remove(run.Claimed.Token);
            wakes = Array.Exists(_shares, share => share.WantsRoom);
        }

        if (wakes)
            Wake(static share => share.WantsRoom);
    }

    /// <summary>One look at all that runs, for as long as something does: time limits, this node's silence, who shall stop.</summary>
    private async Task SweepAsync()
    {
        await Task.Yield();
        while (!_leaveStore.IsCancellationRequested)
        {
            await _busyAgain.WaitAsync(Timeout.InfiniteTimeSpan, _leaveStore.Token);

            // Most jobs have ended before the first sweep, and cost none.
            for (var wait = BetweenSweeps; ; wait = BetweenSweeps - ShortestBetweenSweeps)
            {
                await _changed.WaitAsync(wait, _leaveStore.Token);
                var runs = Running();
                if (runs.Count == 0 || _leaveStore.IsCancellationRequested)
                    break;
                SweepOnce(runs);

                // Not waited for: a store that does not answer must not hold up what this node decides by itself.
                if (_asking.IsCompleted)
                    _asking = StopWhatShallStopAsync();
                await Task.Delay(ShortestBetweenSweeps, _time, _leaveStore.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void SweepOnce(List<JobRun> runs)
    {
        var isSilent = _heart.IsSilent;
        foreach (var run in runs)
        {
            if (_heart.WasSilentSince(run.AskedAt))
                run.Stop(StopReason.Lost);
            if (run.Kind is not { } kind || kind.TimeLimit == Timeout.InfiniteTimeSpan || run.Elapsed < kind.TimeLimit)
                continue;
            run.Stop(StopReason.TimeLimit);
            if (run.Reason == StopReason.TimeLimit && run.Elapsed >= kind.TimeLimit + GraceOfTimeLimit && run.TryEnd())
            {
                LogDeaf(run.Claimed.Name, run.Claimed.Token.Id, run.Reason);
                _completions.Add(run, JobRunner.Failed(run, JobRunner.TooLong(run)));
            }
        }

        StartSuspect();
        if (isSilent && !_wasSilent)
            LogSilent(runs.Count);
        _wasSilent = isSilent;
    }

    private async Task StopWhatShallStopAsync()
    {
        try
        {
            var asked = await _store.Jobs.ListCancelRequestsAsync(_heart.Id, _leaveStore.Token);
            lock (_gate)
            {
                foreach (var token in asked)
                    _runs.GetValueOrDefault(token)?.Stop(StopReason.Asked);
            }
        }
        catch (Exception error)
        {
            // It is asked again in a moment.
            LogNotLooked(error);
        }
    }

    /// <summary>Those whose handlers are under way and waited for.</summary>
    private List<JobRun> Running()
    {
        lock (_gate)
            return [.. _runs.Values.Where(run => !run.HasEnded)];
    }

    private async Task DrainAsync()
    {
        // With all that is stopped here at once, not before what it does for this has begun.
        await _stop.CancelAsync();
        StartSuspect();
        using (var drain = new CancellationTokenSource(_drainTime, _time))
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(drain.Token, _hurry.Token))
            await IdleAsync().WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        foreach (var run in Running())
            run.Stop(StopReason.NodeStops);
        await IdleAsync().WaitAsync(Grace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var run in Running().Where(run => run.TryEnd()))
        {
            LogDeaf(run.Claimed.Name, run.Claimed.Token.Id, run.Reason);
            _completions.Add(run, Returned(run, "The node that took it stopped."));
        }

        _completions.Finish();
        await _completing.WaitAsync(LongestGoodbye, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _leaveStore.CancelAsync();
        await Task.WhenAll(_claiming, _sweeping, _asking, _reporting, _completing).WaitAsync(Grace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _completions.LastWords.WaitAsync(LongestGoodbye, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends when nothing is claimed any more and no handler is under way.</summary>
    private async Task IdleAsync()
    {
        await _claiming;
        Task idle;
        lock (_gate)
        {
            if (_busy == 0)
                return;
            _idle ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            idle = _idle.Task;
        }

        await idle;
    }

    [LoggerMessage(EventId = 87, Level = LogLevel.Error, Message = "No jobs could be claimed; it is tried again")]
    private partial void LogNotClaimed(Exception error);

    [LoggerMessage(EventId = 88, Level = LogLevel.Warning, Message = "{Count} jobs were claimed for this node without its knowing, and are given back")]
    private partial void LogLostClaims(int count);

    [LoggerMessage(EventId = 89, Level = LogLevel.Error, Message = "{Name} {Id}: the start failed by a mistake of the engine")]
    private partial void LogMistake(string name, long id, Exception error);

    [LoggerMessage(EventId = 90, Level = LogLevel.Warning, Message = "{Name} {Id}: the handler was told to stop ({Reason}) and goes on; it is not waited for")]
    private partial void LogDeaf(string name, long id, StopReason reason);

    [LoggerMessage(EventId = 91, Level = LogLevel.Warning, Message = "The store has not heard this node for too long: its {Count} running jobs are told to stop, because others may start them")]
    private partial void LogSilent(int count);

    [LoggerMessage(EventId = 97, Level = LogLevel.Warning, Message = "{Name} {Id} was lost {Losses} times in a row and is run alone: should it be lost again, it has failed")]
    private partial void LogAlone(string name, long id, int losses);

    [LoggerMessage(EventId = 92, Level = LogLevel.Debug, Message = "Which jobs shall stop could not be read; it is tried again")]
    private partial void LogNotLooked(Exception error);
}
