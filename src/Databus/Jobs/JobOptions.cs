using Databus.Destinations;

namespace Databus.Jobs;

/// <summary>How long to wait before a job that failed is tried again; null: it is hopeless and has failed for good.</summary>
/// <param name="attempt">The one that failed; 1 is the first.</param>
/// <param name="error">What the handler threw; <see cref="TimeoutException"/> when it took longer than its time limit.</param>
public delegate TimeSpan? RetryPolicy(int attempt, Exception error);

/// <summary>How jobs of one name are enqueued and run, unless the one who enqueues says otherwise.</summary>
public sealed class JobOptions<TJob>
{
    /// <summary>Names that jobs of this kind had before. Those that are still there under them run.</summary>
    public IList<string> Aliases { get; } = [];

    /// <summary>A valid resource name. Default: <c>default</c>.</summary>
    public string Queue { get; set; } = NewJob.DefaultQueue;

    public JobPriority Priority { get; set; } = JobPriority.Normal;

    /// <summary>How often it is started at most before it has failed. 1 to 1000; default 10.</summary>
    public int MaxAttempts { get; set; } = 10;

    /// <summary>
    /// How long a start may take, to about half a second: then the handler's token is cancelled, and the attempt has failed. <see cref="Timeout.InfiniteTimeSpan"/>:
    /// any time. Default: 30 minutes.
    /// </summary>
    public TimeSpan TimeLimit { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Default: 5 s after the first failure, twice as long each time up to an hour, a fifth more or less.</summary>
    public RetryPolicy RetryPolicy { get; set; } = JobRetries.Exponential;

    /// <summary>How long after its end it can be asked for. Default: 7 days.</summary>
    public TimeSpan KeepFor { get; set; } = TimeSpan.FromDays(7);

    /// <summary>Not started within this time from when it may start first: it has expired. Default: it may wait for ever.</summary>
    public TimeSpan? ExpiresAfter { get; set; }

    /// <summary>
    /// While a job of this name with this key is there, no other one is enqueued; null for one that is not unique.
    /// Default: none is.
    /// </summary>
    public Func<TJob, string?>? UniqueKey { get; set; }

    /// <summary>How long the key stays taken, whatever becomes of the job. Default: until the job has ended.</summary>
    public TimeSpan? UniqueFor { get; set; }

    /// <summary>Which other jobs it shares a limit with, and what that is. Default: none.</summary>
    public Func<TJob, JobLimit?>? Limit { get; set; }
}

internal static class JobRetries
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);

    public static TimeSpan? Exponential(int attempt, Exception error) => After(attempt);

    /// <summary>The same where there is no exception: of a job whose worker is no node.</summary>
    public static TimeSpan After(int attempt) => BackOff.After(attempt, First, Longest, Random.Shared.NextDouble());
}
