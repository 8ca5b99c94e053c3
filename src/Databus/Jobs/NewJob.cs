namespace Databus.Jobs;

/// <summary>A job to be enqueued.</summary>
/// <param name="Name">Of its handler; a valid resource name.</param>
/// <param name="Arguments">UTF-8 JSON.</param>
public sealed record NewJob(string Name, byte[] Arguments)
{
    public const string DefaultQueue = "default";

    /// <summary>A valid resource name. Default: <c>default</c>.</summary>
    public string Queue { get; init; } = DefaultQueue;

    public JobPriority Priority { get; init; } = JobPriority.Normal;

    /// <summary>How often it is started at most before it has failed. 1 to 1000; default 10.</summary>
    public int MaxAttempts { get; init; } = 10;

    /// <summary>Not started before. Null: at once. In the past: at once.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>How long from now, by the store's clock, it is not started; beside <see cref="DueAt"/> the later one holds.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>
    /// Not started within this time from when it may start first: it has expired. Null: it may wait for ever. Once it was
    /// started it does not expire any more, also where it is tried again.
    /// </summary>
    public TimeSpan? ExpiresAfter { get; init; }

    /// <summary>While a job with this key is there, no other one is enqueued. At most 500 characters.</summary>
    public string? UniqueKey { get; init; }

    /// <summary>How long the key stays taken, whatever becomes of the job. Null: until the job has ended.</summary>
    public TimeSpan? UniqueFor { get; init; }

    /// <summary>Which other jobs it shares a limit with, and what that is.</summary>
    public JobLimit? Limit { get; init; }

    /// <summary>How long after its end it can be asked for. Default: 7 days.</summary>
    public TimeSpan KeepFor { get; init; } = TimeSpan.FromDays(7);

    /// <summary>The W3C trace it was enqueued in, so that its run shows up there.</summary>
    public string? TraceParent { get; init; }

    /// <summary>
    /// Jobs that have to end before this one may start. Those that ended already, or are not known any more, are not waited
    /// for. A place in the same call whose job was not enqueued means the job that has its unique key.
    /// </summary>
    public IReadOnlyList<JobReference> After { get; init; } = [];

    /// <summary>True: it starts however they ended. False: one that did not succeed cancels this one.</summary>
    public bool AfterAnyEnd { get; init; }
}

/// <summary>A job that another one comes after: by its id, or by its place in the same call.</summary>
public readonly record struct JobReference
{
    private JobReference(long? id, int index)
    {
        Id = id;
        Index = index;
    }

    public long? Id { get; }

    /// <summary>From 0, smaller than that of the job itself; only where <see cref="Id"/> is null.</summary>
    public int Index { get; }

    public static JobReference ById(long id) => new(id, 0);

    public static JobReference ByIndex(int index) => new(null, index);
}

/// <summary>
/// What jobs of the same key may do together, over all nodes and queues. Jobs of one key carry the same numbers; where they
/// do not, each start is judged by its own.
/// </summary>
/// <param name="Key">At most 500 characters.</param>
/// <param name="MaxRunning">How many of them run at once. 0: any number.</param>
/// <param name="MaxStarts">How many of them start within any <paramref name="Per"/>, at most 10 000: each start is remembered. 0: any number.</param>
/// <param name="Per">1 s to 1 day.</param>
public sealed record JobLimit(string Key, int MaxRunning = 0, int MaxStarts = 0, TimeSpan Per = default);

/// <summary>What became of a job that was to be enqueued.</summary>
/// <param name="Id">Its id, or that of the job that has its unique key.</param>
/// <param name="Added">False: its unique key was taken, and nothing was enqueued.</param>
public readonly record struct EnqueueOutcome(long Id, bool Added);
