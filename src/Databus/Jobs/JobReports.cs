using Databus.Storage;
using Databus.Subscriptions;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>
/// Keeps what the running jobs of this node say, all together and four times a second at most; and what a job said last
/// before its end is.
/// </summary>
internal sealed partial class JobReports(IStore store, TimeProvider time, ILogger<JobReports> logger) : IDisposable
{
    private static readonly TimeSpan BetweenReports = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly WakeUp _wakeUp = new(time);

    /// <summary>One at a time, so that what was said first is kept first.</summary>
    private readonly SemaphoreSlim _turn = new(1, 1);
    private List<JobRun> _waiting = [];

    public void Dispose() => _turn.Dispose();

    public void Add(JobRun run)
    {
        lock (_gate)
            _waiting.Add(run);
        _wakeUp.Set();
    }

    /// <summary>Until stopped. Sleeps while nobody says anything.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        var isUnkept = false;
        while (!stop.IsCancellationRequested)
        {
            await _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, stop);
            var wait = BetweenReports;
            try
            {
                await KeepAsync(TakeWaiting(), stop);
                isUnkept = false;
            }
            catch (Exception error)
            {
                if (!isUnkept && !stop.IsCancellationRequested)
                    LogUnkept(error);
                isUnkept = true;
                wait = AfterFailure;
            }

            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Keeps what these said so far, and tells those that shall stop. What could not be kept stays, for the next time.</summary>
    public async Task KeepAsync(IReadOnlyList<JobRun> runs, CancellationToken cancellationToken)
    {
        if (runs.Count == 0)
            return;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            var said = new Dictionary<LeaseToken, (JobRun Run, JobReport Report)>(runs.Count);
            foreach (var run in runs)
            {
                if (run.TakeReport() is { } report)
                    said[report.Token] = (run, report);
            }

            if (said.Count == 0)
                return;
            try
            {
                Heed(said, await store.Jobs.ReportAsync([.. said.Values.Select(one => one.Report)], cancellationToken));
            }
            catch (Exception error) when (error is not StoreException and not OperationCanceledException)
            {
                await KeepTheOthersAsync(said, cancellationToken);
            }
            catch
            {
                foreach (var (run, report) in said.Values)
                {
                    if (run.PutBack(report))
                        Add(run);
                }

                throw;
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>One of them is too much for the store, by a mistake of somebody's: it is dropped.</summary>
    private async Task KeepTheOthersAsync(Dictionary<LeaseToken, (JobRun Run, JobReport Report)> said, CancellationToken cancellationToken)
    {
        foreach (var (run, report) in said.Values)
        {
            try
            {
                Heed(said, await store.Jobs.ReportAsync([report], cancellationToken));
            }
            catch (Exception error)
            {
                LogRefused(run.Claimed.Name, run.Claimed.Token.Id, error);
            }
        }
    }

    private static void Heed(Dictionary<LeaseToken, (JobRun Run, JobReport Report)> said, JobRenewal renewal)
    {
        foreach (var token in renewal.CancelRequested)
            said[token].Run.Stop(StopReason.Asked);
        foreach (var token in renewal.Lost)
            said[token].Run.Stop(StopReason.Lost);
    }

    private List<JobRun> TakeWaiting()
    {
        lock (_gate)
        {
            var waiting = _waiting;
            _waiting = [];
            return waiting;
        }
    }

    [LoggerMessage(EventId = 80, Level = LogLevel.Warning, Message = "What jobs say while they run could not be kept; it is tried again")]
    private partial void LogUnkept(Exception error);

    [LoggerMessage(EventId = 95, Level = LogLevel.Error, Message = "{Name} {Id}: the store does not take what it says, which is lost")]
    private partial void LogRefused(string name, long id, Exception error);
}
