namespace Databus.Jobs;

/// <summary>What is different for a job that is enqueued; what is null stays as its <see cref="JobOptions{TJob}"/> say.</summary>
public sealed record EnqueueOptions
{
    internal static readonly EnqueueOptions None = new();

    public string? Queue { get; init; }

    public JobPriority? Priority { get; init; }

    /// <summary>1 to 1000.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>Not started before. In the past: at once.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>How long from now it is not started; beside <see cref="DueAt"/> the later one holds.</summary>
    public TimeSpan Delay { get; init; }

    public TimeSpan? ExpiresAfter { get; init; }

    /// <summary>Among jobs of the same name.</summary>
    public string? UniqueKey { get; init; }

    public TimeSpan? UniqueFor { get; init; }

    public JobLimit? Limit { get; init; }

    public TimeSpan? KeepFor { get; init; }

    /// <summary>The ids of jobs that have to end before this one may start.</summary>
    public IReadOnlyList<long> After { get; init; } = [];

    /// <summary>True: it starts however those ended. False: one that did not succeed cancels this one.</summary>
    public bool AfterAnyEnd { get; init; }
}
