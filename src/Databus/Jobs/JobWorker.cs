using System.Globalization;
using Databus.Destinations;
using Databus.Hosting;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
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
    /// <summary>Before it is seen that this node, which was not heard of, is heard again.</summary>
    private static readonly TimeSpan BetweenLooksInSilence = TimeSpan.FromMilliseconds(500);

    /// <summary>For handlers to end by themselves once they are told to stop.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>For the store to take what has ended, when the node stops.</summary>
    private static readonly TimeSpan LongestGoodbye = TimeSpan.FromSeconds(2);

    /// <summary>Before a suspect that another one is ahead of is claimed again.</summary>
    private static readonly TimeSpan BetweenSuspects = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan FirstWaitForStore = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestWaitForStore = TimeSpan.FromSeconds(5);

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
    private readonly JobRuns _runs;
    private readonly JobSweep _sweep;

    // Three steps of a stop: no more claims; handlers are not waited for; nor is the store.
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly CancellationTokenSource _leaveStore = new();
    private Task? _stopped;
    private Task _claiming = Task.CompletedTask;
    private Task _sweeping = Task.CompletedTask;
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
        _runs = new JobRuns(_shares, Busy, time);
        _completions = new JobCompletions(store, reports, _runs.Forget, time, logger);
        _sweep = new JobSweep(store, heart, _runs, _completions, StartSuspect, time, logger);
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
            var deaf = _runs.Deaf;
            return deaf.Count == 0 ? [] :
            [
                new Warning(
                    "jobs-do-not-stop",
                    string.Create(CultureInfo.InvariantCulture, $"{deaf.Count} handlers go on beyond their time limit and take room from other jobs; the first is of {deaf[0].Claimed.Name} {deaf[0].Claimed.Token.Id}.")),
            ];
        }
    }

    /// <summary>Something may have become claimable in a queue; null: in any.</summary>
    public void Claimable(string? queue) => _runs.Look(share => queue is null || share.Has(queue));

    /// <summary>Jobs ended, or shall.</summary>
    public void Changed() => _sweep.Changed();

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _spareThreads.Start();
        _claiming = ClaimAsync();
        _sweeping = _sweep.RunAsync(_leaveStore.Token);
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
                    await Task.Delay(BetweenLooksInSilence, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                    continue;
                }

                // Also when there is no room: a claim may come into force when its connection has long been given up.
                await ReturnLostClaimsAsync();
                foreach (var share in _shares)
                {
                    if (_runs.RoomOf(share) is > 0 and var room)
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
                _runs.Look(static _ => true);
                continue;
            }

            await _runs.NextLookAsync(_stop.Token);
        }
    }

    private async Task ClaimAsync(JobShare share, int room)
    {
        // Not to be cancelled: what was claimed and is not known here would have to be found first.
        var askedAt = _time.GetTimestamp();
        var claims = await _store.Jobs.ClaimAsync(new JobClaim(_heart.Id, share.Queues, room) { Without = share.Without }, _leaveStore.Token);
        Start(share, claims.Jobs, askedAt);
        if (claims.More)
            _runs.LookAgain(share, TimeSpan.Zero);
        else if (claims.NextDueAt is { } due)
            _runs.LookAgain(share, due - _store.Now);
    }

    private async Task ReturnLostClaimsAsync()
    {
        var lost = await _lostClaims.FindAsync(_runs.Contains, _leaveStore.Token);
        if (lost.Count == 0)
            return;

        // They were not even begun here. Some may have been, and ended just now: those are refused.
        var refused = await _store.Jobs.CompleteAsync(
            [.. lost.Select(token => new JobCompletion(token, JobOutcome.Returned, Error: "The answer to the node that took it was lost."))],
            _leaveStore.Token);
        if (lost.Count > refused.Count)
            LogLostClaims(lost.Count - refused.Count);
    }

    private void Start(JobShare share, IReadOnlyList<ClaimedJob> jobs, long askedAt)
    {
        if (jobs.Count == 0)
            return;
        var runs = new JobRun[jobs.Count];
        for (var at = 0; at < runs.Length; at++)
            runs[at] = _runner.Prepare(jobs[at], askedAt);

        // Not here: what a handler does before it first waits would hold up the others.
        foreach (var run in _runs.Add(share, runs))
            Queue(share, run, isAlone: false);
        StartSuspect();
    }

    private void Queue(JobShare share, JobRun run, bool isAlone) => ThreadPool.UnsafeQueueUserWorkItem(
        static start => _ = start.Worker.RunAsync(start.Share, start.Run, start.IsAlone), (Worker: this, Share: share, Run: run, IsAlone: isAlone), preferLocal: false);

    /// <summary>If nothing else runs, or that takes too long.</summary>
    private void StartSuspect()
    {
        if (_runs.TakeSuspect(_stop.IsCancellationRequested, out var isAlone) is { } suspect)
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
                : run.Claimed.Losses >= JobErrors.LossesOfASuspect && !_runs.IsSuspect(run) ? Returned(run, "Another one that is to be run alone was ahead of it.", BetweenSuspects)
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
        _runs.Free(share, run);
        StartSuspect();
        run.Dispose();
    }

    private static JobCompletion Returned(JobRun run, string reason, TimeSpan delay = default) => new(run.Claimed.Token, JobOutcome.Returned, Error: reason, Delay: delay);

    /// <summary>Some handler is under way, or none is any more.</summary>
    private void Busy(bool isBusy)
    {
        _spareThreads.Tell(isBusy);
        if (isBusy)
            _sweep.Busy();
    }

    private async Task DrainAsync()
    {
        // With all that is stopped here at once, not before what it does for this has begun.
        await _stop.CancelAsync();
        StartSuspect();
        using (var drain = new CancellationTokenSource(_drainTime, _time))
        using (var limit = CancellationTokenSource.CreateLinkedTokenSource(drain.Token, _hurry.Token))
            await IdleAsync().WaitAsync(limit.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        foreach (var run in _runs.Running)
            run.Stop(StopReason.NodeStops);
        await IdleAsync().WaitAsync(Grace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var run in _runs.Running)
            _completions.GiveUp(run, Returned(run, "The node that took it stopped."));

        _completions.Finish();
        await _completing.WaitAsync(LongestGoodbye, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _leaveStore.CancelAsync();
        await Task.WhenAll(_claiming, _sweeping, _reporting, _completing).WaitAsync(Grace, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _completions.LastWords.WaitAsync(LongestGoodbye, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Ends when nothing is claimed any more and no handler is under way.</summary>
    private async Task IdleAsync()
    {
        await _claiming;
        await _runs.WhenIdleAsync();
    }

    [LoggerMessage(EventId = 87, Level = LogLevel.Error, Message = "No jobs could be claimed; it is tried again")]
    private partial void LogNotClaimed(Exception error);

    [LoggerMessage(EventId = 88, Level = LogLevel.Warning, Message = "{Count} jobs were claimed for this node without its knowing, and are given back")]
    private partial void LogLostClaims(int count);

    [LoggerMessage(EventId = 89, Level = LogLevel.Error, Message = "{Name} {Id}: the start failed by a mistake of the engine")]
    private partial void LogMistake(string name, long id, Exception error);

    [LoggerMessage(EventId = 97, Level = LogLevel.Warning, Message = "{Name} {Id} was lost {Losses} times in a row and is run alone: should it be lost again, it has failed")]
    private partial void LogAlone(string name, long id, int losses);
}
