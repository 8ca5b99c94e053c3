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
    private readonly Lock _gate = new();
    private readonly List<Task> _lastWords = [];
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

    /// <summary>Ends when all that the store was told while this node left has an answer.</summary>
    public Task LastWords
    {
        get
        {
            lock (_gate)
                return Task.WhenAll(_lastWords);
        }
    }

    /// <summary>What comes after <see cref="Finish"/> is told as well, once: a claim may be answered that late.</summary>
    public void Add(JobRun run, JobCompletion completion)
    {
        if (!_ended.Writer.TryWrite((run, completion)))
            _ = KeepAsync([(run, completion)], new CancellationToken(canceled: true));
    }

    /// <summary>The handler was told to stop and goes on: it is not waited for any more. Nothing, when it has ended.</summary>
    public void GiveUp(JobRun run, JobCompletion completion)
    {
        if (!run.TryEnd())
            return;
        LogDeaf(run.Claimed.Name, run.Claimed.Token.Id, run.Reason);
        Add(run, completion);
    }

    /// <summary>Nothing more will come: <see cref="RunAsync"/> ends when all is kept.</summary>
    public void Finish() => _ended.Writer.TryComplete();

    /// <summary>Until there is nothing more to come.</summary>
    /// <param name="leave">Then the store is not waited for any more: what is left is told once.</param>
    public async Task RunAsync(CancellationToken leave)
    {
        await Task.Yield();
        while (await _ended.Reader.WaitToReadAsync(CancellationToken.None))
        {
            // One that is not waited for any more is still read.
            var batch = new List<(JobRun Run, JobCompletion Completion)>();
            while (batch.Count < LargestBatch && _ended.Reader.TryRead(out var ended))
                batch.Add(ended);
            await KeepAsync(batch, leave);
            foreach (var (run, _) in batch)
                _kept(run);
        }
    }

    /// <summary>Tells the store again and again until it has answered, or this node leaves. Never fails.</summary>
    private async Task KeepAsync(List<(JobRun Run, JobCompletion Completion)> batch, CancellationToken leave)
    {
        for (var failures = 1; ; failures++)
        {
            // What the store was told it keeps, if it can, also when nobody waits for the answer any more.
            var told = TellAsync(batch, leave);
            try
            {
                await told.WaitAsync(leave);
                return;
            }
            catch (OperationCanceledException) when (leave.IsCancellationRequested)
            {
                lock (_gate)
                    _lastWords.Add(EndAsync(batch, told, leave));
                return;
            }
            catch (Exception error) when (MayPass(error))
            {
                if (failures == 1)
                    LogUnavailable(batch.Count, error);
                await Task.Delay(BackOff.After(failures, FirstWait, LongestWait, Random.Shared.NextDouble()), _time, leave)
                    .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (StoreException error)
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

    /// <summary>When this node leaves: the answer that comes decides.</summary>
    private async Task EndAsync(List<(JobRun Run, JobCompletion Completion)> batch, Task told, CancellationToken leave)
    {
        try
        {
            await told;
        }
        catch (Exception error) when (error is StoreException || batch.Count == 1)
        {
            LogUnkept(batch.Count, error);
        }
        catch (Exception)
        {
            foreach (var one in batch)
                await EndAsync([one], TellAsync([one], leave), leave);
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
        {
            // That they ended is worth more than the last they said.
            var said = _reports.KeepAsync(spoken, leave).WaitAsync(leave);
            await said.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!leave.IsCancellationRequested)
                await said;
        }

        var lost = await _store.Jobs.CompleteAsync(completions, CancellationToken.None);
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
            await _store.Jobs.CompleteAsync([hopeless], CancellationToken.None).WaitAsync(leave);
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

    [LoggerMessage(EventId = 90, Level = LogLevel.Warning, Message = "{Name} {Id}: the handler was told to stop ({Reason}) and goes on; it is not waited for")]
    private partial void LogDeaf(string name, long id, StopReason reason);
}
