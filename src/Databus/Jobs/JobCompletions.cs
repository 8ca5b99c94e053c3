using System.Threading.Channels;
using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>
/// Keeps how starts ended: all that ended while the store was busy with the last ones goes to it in one call. What it does
/// not take now is told again until it does; should another node have got a job meanwhile, its fence refuses what is told
/// too late.
/// </summary>
internal sealed partial class JobCompletions
{
    private const int LargestBatch = 1000;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly IStore _store;
    private readonly JobReports _reports;
    private readonly Action<JobRun> _kept;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Channel<(JobRun Run, JobCompletion Completion)> _ended = Channel.CreateUnbounded<(JobRun, JobCompletion)>(
        new UnboundedChannelOptions { SingleReader = true });

    /// <summary>Ready to take what ended.</summary>
    /// <param name="kept">Told of each one that is done with, kept or not.</param>
    public JobCompletions(IStore store, JobReports reports, Action<JobRun> kept, TimeProvider time, ILogger logger)
    {
        _store = store;
        _reports = reports;
        _kept = kept;
        _time = time;
        _logger = logger;
    }

    public void Add(JobRun run, JobCompletion completion) => _ended.Writer.TryWrite((run, completion));

    /// <summary>Nothing more will come: <see cref="RunAsync"/> ends when all is kept.</summary>
    public void Finish() => _ended.Writer.TryComplete();

    /// <summary>Until there is nothing more to come.</summary>
    /// <param name="leave">Then the store is not waited for any more.</param>
    public async Task RunAsync(CancellationToken leave)
    {
        await Task.Yield();
        var batch = new List<(JobRun Run, JobCompletion Completion)>();
        while (await _ended.Reader.WaitToReadAsync(CancellationToken.None))
        {
            while (batch.Count < LargestBatch && _ended.Reader.TryRead(out var ended))
                batch.Add(ended);
            await KeepAsync(batch, leave);
            foreach (var (run, _) in batch)
                _kept(run);
            batch.Clear();
        }
    }

    /// <summary>Tells the store again and again until it has answered. Never fails.</summary>
    private async Task KeepAsync(List<(JobRun Run, JobCompletion Completion)> batch, CancellationToken leave)
    {
        for (var failures = 1; ; failures++)
        {
            try
            {
                await TellAsync(batch, leave);
                return;
            }
            catch (Exception error) when (MayPass(error) && !leave.IsCancellationRequested)
            {
                if (failures == 1)
                    LogUnavailable(batch.Count, error);
                await Task.Delay(BackOff.After(failures, FirstWait, LongestWait, Random.Shared.NextDouble()), _time, leave)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception error) when (leave.IsCancellationRequested || error is StoreException)
            {
                LogUnkept(batch.Count, error);
                return;
            }
            catch (Exception error)
            {
                await KeepTheOthersAsync(batch, error, leave);
                return;
            }
        }
    }

    private async Task TellAsync(List<(JobRun Run, JobCompletion Completion)> batch, CancellationToken leave)
    {
        // The store takes nothing more from a job that has ended.
        List<JobRun>? spoken = null;
        var completions = new JobCompletion[batch.Count];
        for (var at = 0; at < completions.Length; at++)
        {
            completions[at] = batch[at].Completion;
            if (batch[at].Run.HasSpoken)
                (spoken ??= []).Add(batch[at].Run);
        }

        if (spoken is not null)
            await _reports.KeepAsync(spoken, leave);
        var lost = await _store.Jobs.CompleteAsync(completions, leave);
        foreach (var token in lost)
            LogLost(token);
    }

    /// <summary>One of them is too much for the store, by a mistake of somebody's: it fails, and the others go their way.</summary>
    private async Task KeepTheOthersAsync(List<(JobRun Run, JobCompletion Completion)> batch, Exception error, CancellationToken leave)
    {
        if (batch.Count > 1)
        {
            foreach (var one in batch)
                await KeepAsync([one], leave);
            return;
        }

        var (run, completion) = batch[0];
        LogRefused(run.Claimed.Name, run.Claimed.Token.Id, error);
        var hopeless = new JobCompletion(completion.Token, JobOutcome.Hopeless, Error: JobText.Fit($"How it went could not be kept: {error.Message}", JobText.LongestError));
        try
        {
            await _store.Jobs.CompleteAsync([hopeless], leave);
        }
        catch (Exception again)
        {
            LogUnkept(1, again);
        }
    }

    private static bool MayPass(Exception error) => error is StoreException { Problem: not StoreProblem.Stopped };

    [LoggerMessage(EventId = 83, Level = LogLevel.Warning, Message = "How {Count} jobs ended cannot be kept now; it is tried again until it is")]
    private partial void LogUnavailable(int count, Exception error);

    [LoggerMessage(EventId = 84, Level = LogLevel.Error, Message = "How {Count} jobs ended was not kept; they start again elsewhere")]
    private partial void LogUnkept(int count, Exception error);

    [LoggerMessage(EventId = 85, Level = LogLevel.Error, Message = "{Name} {Id}: the store does not take how it ended")]
    private partial void LogRefused(string name, long id, Exception error);

    [LoggerMessage(EventId = 86, Level = LogLevel.Information, Message = "How the job of {Token} ended came too late: it was taken away meanwhile")]
    private partial void LogLost(LeaseToken token);
}
