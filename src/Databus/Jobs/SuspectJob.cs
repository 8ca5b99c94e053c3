namespace Databus.Jobs;

/// <summary>A job that is held until it has the process for itself. What changes does so under the lock of JobRuns.</summary>
internal sealed class SuspectJob(JobShare share, JobRun run, long heldSince)
{
    public JobShare Share { get; } = share;

    public JobRun Run { get; } = run;

    public long HeldSince { get; } = heldSince;

    public bool IsStarted { get; set; }
}
