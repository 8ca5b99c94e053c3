using System.Diagnostics;
using System.Text.Json;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>Does one start of a job and says how it went. Never fails.</summary>
internal sealed partial class JobRunner(
    IStore store, JobKinds kinds, UnknownJobs unknown, IEnumerable<JobMiddleware> middleware, IServiceScopeFactory scopes, JobReports reports,
    JobMeter meter, TimeProvider time, ILoggerFactory loggers)
{
    private readonly JobMiddleware[] _middleware = [.. middleware];
    private readonly ILogger _logger = loggers.CreateLogger<JobRunner>();
    private readonly Func<string, ILogger> _loggerOf = loggers.CreateLogger;

    /// <summary>A start, ready to be run.</summary>
    /// <param name="askedAt">A timestamp: when it was asked for.</param>
    public JobRun Prepare(ClaimedJob claimed, long askedAt) => new(claimed, askedAt, FindHandled(claimed.Name), reports, time, _loggerOf);

    public async Task<JobCompletion> RunAsync(JobRun run)
    {
        run.Begin();
        if (run.Kind is null)
            return await unknown.JudgeAsync(run.Claimed);
        meter.Started(run.Claimed, store.Now - run.Claimed.DueAt);
        var activity = JobTracing.StartRun(run.Claimed);
        JobCompletion completion;
        try
        {
            completion = await HandleAsync(run, run.Kind);
        }
        catch (Exception error)
        {
            completion = Judge(run, error, activity);
        }

        JobTracing.End(activity, completion);
        activity?.Dispose();
        meter.Ended(run.Claimed, completion.Outcome, run.Elapsed);
        return completion;
    }

    /// <summary>A failed attempt, as the job's own policy takes it.</summary>
    public static JobCompletion Failed(JobRun run, Exception error)
    {
        var reason = JobText.Describe(error);
        TimeSpan? delay;
        try
        {
            delay = error is JobFailedException { IsFinal: true } ? null : run.Kind!.RetryPolicy(run.Claimed.Attempt, error);
        }
        catch (Exception mistake)
        {
            delay = JobRetries.Exponential(run.Claimed.Attempt, error);
            run.Say((int)LogLevel.Error, $"The retry policy failed, and the default holds.\n{mistake}");
        }

        return delay is { } wait
            ? new JobCompletion(run.Claimed.Token, JobOutcome.Failed, Error: reason, Delay: wait > TimeSpan.Zero ? wait : TimeSpan.Zero)
            : new JobCompletion(run.Claimed.Token, JobOutcome.Hopeless, Error: reason);
    }

    public static TimeoutException TooLong(JobRun run) => new($"It took longer than its time limit of {run.Kind!.TimeLimit}.");

    private JobKind? FindHandled(string name) => kinds.Find(name) is { HasHandler: true } kind ? kind : null;

    private async Task<JobCompletion> HandleAsync(JobRun run, JobKind kind)
    {
        var token = run.Claimed.Token;
        object? job;
        try
        {
            job = kind.Read(run.Claimed.Arguments);
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            var path = error is JsonException { Path: { } at } ? $" at {at}" : "";
            return Hopeless(run, $"The arguments do not fit {kind.Arguments}{path}: {error.Message}");
        }

        if (job is null)
            return Hopeless(run, $"The arguments do not fit {kind.Arguments} at $: they are null.");

        byte[]? result = null;
        await using (var scope = scopes.CreateAsyncScope())
        {
            if (_middleware.Length == 0)
                result = await kind.HandleAsync(scope.ServiceProvider, job, run.Context, run.Stopped);
            else
                await PassAsync(0, scope.ServiceProvider);
        }

        return new JobCompletion(token, JobOutcome.Succeeded, result);

        Task PassAsync(int at, IServiceProvider services) => at < _middleware.Length
            ? _middleware[at](run.Context, () => PassAsync(at + 1, services))
            : KeepResultAsync(services);

        async Task KeepResultAsync(IServiceProvider services) => result = await kind.HandleAsync(services, job, run.Context, run.Stopped);
    }

    private JobCompletion Judge(JobRun run, Exception error, Activity? activity)
    {
        var token = run.Claimed.Token;
        var reason = run.Reason;
        switch (reason)
        {
            // What comes of a cancellation has many names: drivers throw errors of their own. Nobody waits for this job's
            // own failures any more.
            case StopReason.Asked:
                return new JobCompletion(token, JobOutcome.Cancelled, Error: error is OperationCanceledException ? null : JobText.Describe(error));
            case StopReason.NodeStops or StopReason.Lost:
                return new JobCompletion(token, JobOutcome.Returned, Error: Reasons.Of(reason));
            case StopReason.TimeLimit when error is OperationCanceledException:
                error = TooLong(run);
                break;
        }

        activity?.AddException(error);
        LogFailed(run.Claimed.Name, token.Id, run.Claimed.Attempt, run.Claimed.MaxAttempts, error.Message);
        run.Say((int)LogLevel.Error, error.ToString());
        return error is JobResultException ? Hopeless(run, error.Message) : Failed(run, error);
    }

    private static JobCompletion Hopeless(JobRun run, string reason) => new(run.Claimed.Token, JobOutcome.Hopeless, Error: JobText.Fit(reason, JobText.LongestError));

    [LoggerMessage(EventId = 81, Level = LogLevel.Warning, Message = "{Name} {Id}: attempt {Attempt} of {MaxAttempts} failed: {Error}")]
    private partial void LogFailed(string name, long id, int attempt, int maxAttempts, string error);

    /// <summary>Why a start ended that was not the job's own doing.</summary>
    internal static class Reasons
    {
        public static string Of(StopReason reason) => reason == StopReason.Lost
            ? "The node that ran it was not heard of for a while."
            : "The node that ran it stopped.";
    }
}
