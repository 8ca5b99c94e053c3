using Databus.Jobs;

namespace Databus.Schedules;

/// <summary>A schedule that the program itself wants to have.</summary>
/// <param name="Describe">Its settings, once the kinds of jobs are known.</param>
internal sealed record DeclaredSchedule(Func<JobKinds, ScheduleSettings> Describe)
{
    /// <summary>Whether a schedule is as it was declared. Whether it is paused is nobody's declaration.</summary>
    public static bool IsSame(ScheduleSettings declared, ScheduleSettings known)
    {
        // Arrays are equal only to themselves; what a schedule's job does not have is not kept.
        var (job, other) = (declared.Job, known.Job);
        var comparable = job with { Arguments = other.Arguments, After = other.After, AfterAnyEnd = other.AfterAnyEnd, TraceParent = other.TraceParent };
        return job.Arguments.AsSpan().SequenceEqual(other.Arguments) && declared with { IsPaused = known.IsPaused, Job = comparable } == known;
    }
}
