using Databus.Jobs;

namespace Databus.Schedules;

/// <summary>Which missed ticks are made up for, after a time in which nobody was there or the schedule was paused.</summary>
public enum CatchUp
{
    /// <summary>None: a tick more than a minute late is let go.</summary>
    None = 0,

    /// <summary>One for all of them, with the time of the latest.</summary>
    Latest = 1,

    /// <summary>Each, up to <see cref="ScheduleSettings.CatchUpLimit"/> of the latest.</summary>
    All = 2,
}

/// <summary>What happens at a tick while the job of an earlier one has not ended.</summary>
public enum Overlap
{
    /// <summary>The tick is let go, and counted.</summary>
    Skip = 0,

    /// <summary>The new job starts when the old one has ended.</summary>
    Queue = 1,

    /// <summary>
    /// The old one is asked to stop, and the new one starts when it has ended: at once where it had not started, unless it
    /// waited for an older one itself. Then it is cancelled when that has ended, so that never two of them run.
    /// </summary>
    CancelOld = 2,

    /// <summary>Both run.</summary>
    Allow = 3,
}

/// <summary>A rule that enqueues a job.</summary>
/// <param name="Name">A valid resource name.</param>
/// <param name="Rule">When.</param>
/// <param name="Job">What. Its unique key, due time and delay are the schedule's business and stay empty.</param>
public sealed record ScheduleSettings(string Name, ScheduleRule Rule, NewJob Job)
{
    public CatchUp CatchUp { get; init; } = CatchUp.Latest;

    /// <summary>1 to 1000; default 100.</summary>
    public int CatchUpLimit { get; init; } = 100;

    public Overlap Overlap { get; init; } = Overlap.Skip;

    /// <summary>Each job starts up to this much later than its tick, by chance. Default: none; at most 1 day.</summary>
    public TimeSpan Jitter { get; init; }

    public bool IsPaused { get; init; }
}

/// <summary>When a schedule ticks: at an interval, or by a cron expression in a time zone. One of the two is set.</summary>
/// <param name="Every">1 s or more, counted from the Unix epoch, so that all nodes and restarts agree.</param>
/// <param name="Cron">Five fields, or six with seconds in front.</param>
/// <param name="Zone">IANA name; default UTC. For cron only.</param>
public sealed record ScheduleRule(TimeSpan? Every, string? Cron, string Zone = "UTC")
{
    public static ScheduleRule OfInterval(TimeSpan every) => new(every, Cron: null);

    /// <inheritdoc cref="CronExpression" path="/remarks"/>
    public static ScheduleRule OfCron(string cron, string zone = "UTC") => new(Every: null, cron, zone);
}

/// <summary>A schedule as people see it.</summary>
/// <param name="Revision">Grows with each change of the settings.</param>
/// <param name="NextAt">The next tick; null: there is none. While it is paused: the first one that it missed, or will miss.</param>
/// <param name="LastTickAt">The last tick whose job was enqueued.</param>
/// <param name="LastJobId">That job.</param>
/// <param name="LastJobState">Null: there is none, or it is no longer kept.</param>
/// <param name="Ticks">Ticks whose job was enqueued.</param>
/// <param name="Skipped">Ticks let go because of an overlap.</param>
public sealed record ScheduleStatus(
    ScheduleSettings Settings, long Revision, DateTimeOffset? NextAt, DateTimeOffset? LastTickAt, long? LastJobId, JobState? LastJobState, long Ticks, long Skipped)
{
    /// <summary>What stands for the declaration that it was put in place by last; null: no program declared it.</summary>
    public string? Declaration { get; init; }
}

/// <summary>A tick to be taken.</summary>
/// <param name="At">The next tick as the schedule knows it.</param>
/// <param name="NextAt">The one after it.</param>
/// <param name="Jobs">With the time of each one's tick, in order: none where the tick is let go, several where ticks are made up for.</param>
public sealed record ScheduleTick(
    string Schedule, long Revision, DateTimeOffset At, DateTimeOffset? NextAt, IReadOnlyList<(DateTimeOffset At, NewJob Job)> Jobs, Overlap Overlap);

/// <summary>What came of a tick.</summary>
/// <param name="JobIds">Of the jobs enqueued.</param>
/// <param name="Skipped">How many were let go because of an overlap.</param>
public sealed record TickOutcome(IReadOnlyList<long> JobIds, int Skipped);
