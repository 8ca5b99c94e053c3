namespace Databus.Jobs;

/// <summary>Where a job stands. The numbers are stored and never change.</summary>
public enum JobState
{
    /// <summary>May be started now.</summary>
    Waiting = 0,

    /// <summary>Becomes due later: it was enqueued so, or failed and is tried again.</summary>
    Delayed = 1,

    /// <summary>Due, but its limit (<see cref="NewJob.Limit"/>) lets no more of its kind start.</summary>
    Held = 2,

    /// <summary>Waits for other jobs to end.</summary>
    Blocked = 3,

    Running = 4,

    // The ends. From here on nothing changes but by a person's wish.
    Succeeded = 10,

    /// <summary>Gave up: out of attempts, hopeless, or nobody can handle it. Kept with its error until it is retried or removed.</summary>
    Failed = 11,

    Cancelled = 12,

    /// <summary>Was not started in time.</summary>
    Expired = 13,
}

public static class JobStates
{
    public static bool IsEnd(this JobState state) => state >= JobState.Succeeded;
}
