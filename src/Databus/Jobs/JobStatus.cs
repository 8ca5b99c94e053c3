namespace Databus.Jobs;

/// <summary>A job as people see it.</summary>
/// <param name="Attempt">How often it was started.</param>
/// <param name="Owner">Who runs it, while it runs; who ran it last.</param>
/// <param name="Result">UTF-8 JSON; of a success.</param>
/// <param name="Error">Of the last start that failed, or why it never started. Null after a success.</param>
/// <param name="Progress">From 0 to 1; null: it has said nothing. Of a success that said anything: 1.</param>
public sealed record JobStatus(
    long Id, string Name, string Queue, JobPriority Priority, JobState State, byte[] Arguments, int Attempt, int MaxAttempts,
    DateTimeOffset EnqueuedAt, DateTimeOffset DueAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Owner, byte[]? Result, string? Error,
    double? Progress, string? Message, bool IsCancelRequested);

/// <summary>Which jobs; what is null does not matter.</summary>
public sealed record JobFilter
{
    public IReadOnlyList<long>? Ids { get; init; }

    public IReadOnlyList<JobState>? States { get; init; }

    public string? Queue { get; init; }

    /// <summary>Any queue but this one.</summary>
    public string? NotQueue { get; init; }

    public string? Name { get; init; }

    /// <summary>The arguments contain this text; upper and lower case of A to Z alike.</summary>
    public string? Contains { get; init; }

    /// <summary>Then or later.</summary>
    public DateTimeOffset? EnqueuedAfter { get; init; }

    public DateTimeOffset? EnqueuedBefore { get; init; }

    /// <summary>Those that took, or take, longer than this from the enqueuing to the end, or until now.</summary>
    public TimeSpan? OlderThan { get; init; }
}

/// <summary>Jobs, the newest first.</summary>
/// <param name="ScannedTo">The next page goes below this id; null: that was all.</param>
public sealed record JobPage(IReadOnlyList<JobStatus> Jobs, long? ScannedTo)
{
    /// <summary>How many jobs one call looks at, whatever it finds.</summary>
    public const int MostLookedAt = 2000;
}

/// <summary>One step of a change to many jobs.</summary>
/// <param name="Changed">How many.</param>
/// <param name="ScannedTo">The next step goes below this id; null: done.</param>
public readonly record struct JobStep(int Changed, long? ScannedTo);

/// <summary>A queue as an operator sees it.</summary>
/// <param name="Counts">Of the jobs that have not ended, by state.</param>
/// <param name="OldestDueAt">Since when the oldest waiting job waits.</param>
/// <param name="EndedLastMinute">How many ended in the last minute, whatever the end.</param>
/// <param name="MeanWait">Of those: from due to their last start, none for one that never started; null: there were none.</param>
public sealed record QueueStatus(
    string Name, bool IsPaused, JobLimit? Limit, IReadOnlyDictionary<JobState, long> Counts, DateTimeOffset? OldestDueAt, long EndedLastMinute, TimeSpan? MeanWait);
