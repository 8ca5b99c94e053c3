using Databus.Nodes;
using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>Looks at all that runs here, for as long as something does: time limits, this node's silence, who shall stop.</summary>
internal sealed partial class JobSweep
{
    public static readonly TimeSpan BetweenSweeps = TimeSpan.FromMilliseconds(500);

    /// <summary>However much changes, whoever wants a job cancelled is asked for no more often than this.</summary>
    private static readonly TimeSpan ShortestBetweenSweeps = TimeSpan.FromMilliseconds(100);

    /// <summary>For a handler whose time is over: then its attempt has failed, whatever it still does.</summary>
    private static readonly TimeSpan GraceOfTimeLimit = TimeSpan.FromSeconds(10);

    private readonly IStore _store;
    private readonly NodeHeart _heart;
    private readonly JobRuns _runs;
    private readonly JobCompletions _completions;
    private readonly Action _swept;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WakeUp _busy;
    private readonly WakeUp _changed;
    private bool _wasSilent;

    /// <summary>Which of them shall stop; one question at a time.</summary>
    private Task _asking = Task.CompletedTask;

    /// <summary>Looks at nothing before it is run.</summary>
    /// <param name="swept">Told after each look.</param>
    public JobSweep(IStore store, NodeHeart heart, JobRuns runs, JobCompletions completions, Action swept, TimeProvider time, ILogger logger)
    {
        _store = store;
        _heart = heart;
        _runs = runs;
        _completions = completions;
        _swept = swept;
        _time = time;
        _logger = logger;
        _busy = new WakeUp(time);
        _changed = new WakeUp(time);
    }

    /// <summary>The first handler begins.</summary>
    public void Busy() => _busy.Set();

    /// <summary>Jobs ended, or shall.</summary>
    public void Changed() => _changed.Set();

    /// <summary>Until told to leave. Never fails.</summary>
    public async Task RunAsync(CancellationToken leave)
    {
        await Task.Yield();
        while (!leave.IsCancellationRequested)
        {
            await _busy.WaitAsync(Timeout.InfiniteTimeSpan, leave);

            // Most jobs have ended before the first sweep, and cost none.
            for (var wait = BetweenSweeps; ; wait = BetweenSweeps - ShortestBetweenSweeps)
            {
                await _changed.WaitAsync(wait, leave);
                var running = _runs.Running;
                if (running.Count == 0 || leave.IsCancellationRequested)
                    break;
                Look(running);

                // Not waited for: a store that does not answer must not hold up what this node decides by itself.
                if (_asking.IsCompleted)
                    _asking = StopWhatShallStopAsync(leave);
                await Task.Delay(ShortestBetweenSweeps, _time, leave).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await _asking;
    }

    private void Look(IReadOnlyList<JobRun> running)
    {
        var isSilent = _heart.IsSilent;
        foreach (var run in running)
        {
            if (_heart.WasSilentSince(run.AskedAt))
                run.Stop(StopReason.Lost);
            if (run.Kind is not { } kind || kind.TimeLimit == Timeout.InfiniteTimeSpan || run.Elapsed < kind.TimeLimit)
                continue;
            run.Stop(StopReason.TimeLimit);
            if (run.Reason == StopReason.TimeLimit && run.Elapsed >= kind.TimeLimit + GraceOfTimeLimit)
                _completions.GiveUp(run, JobRunner.Failed(run, JobRunner.TooLong(run)));
        }

        _swept();
        if (isSilent && !_wasSilent)
            LogSilent(running.Count);
        _wasSilent = isSilent;
    }

    private async Task StopWhatShallStopAsync(CancellationToken leave)
    {
        try
        {
            _runs.Stop(await _store.Jobs.ListCancelRequestsAsync(_heart.Id, leave), StopReason.Asked);
        }
        catch (Exception error)
        {
            // It is asked again in a moment.
            LogNotLooked(error);
        }
    }

    [LoggerMessage(EventId = 91, Level = LogLevel.Warning, Message = "The store has not heard this node for too long: its {Count} running jobs are told to stop, because others may start them")]
    private partial void LogSilent(int count);

    [LoggerMessage(EventId = 92, Level = LogLevel.Debug, Message = "Which jobs shall stop could not be read; it is tried again")]
    private partial void LogNotLooked(Exception error);
}
