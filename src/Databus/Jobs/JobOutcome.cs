using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>How a start of a job ended.</summary>
public enum JobOutcome
{
    /// <summary>Done; the result is kept.</summary>
    Succeeded,

    /// <summary>It is tried again after the delay, unless that was the last attempt: then it has failed.</summary>
    Failed,

    /// <summary>It has failed, whatever attempts are left.</summary>
    Hopeless,

    /// <summary>It stopped because it was asked to. Of a job that nobody asked: as <see cref="Returned"/>.</summary>
    Cancelled,

    /// <summary>Not the job's doing: it starts again after the delay, and this start uses up no attempt.</summary>
    Returned,
}

/// <summary>What a worker says at the end of a start.</summary>
/// <param name="Result">UTF-8 JSON, of a success.</param>
/// <param name="Error">For people, of all that is no success.</param>
/// <param name="Delay">Until the next start.</param>
public sealed record JobCompletion(LeaseToken Token, JobOutcome Outcome, byte[]? Result = null, string? Error = null, TimeSpan Delay = default);

/// <summary>What a job says while it runs; what is null stays as it was.</summary>
/// <param name="Progress">From 0 to 1.</param>
/// <param name="Message">What it is doing now.</param>
/// <param name="Lines">For its log.</param>
public sealed record JobReport(LeaseToken Token, double? Progress, string? Message, IReadOnlyList<JobLogLine> Lines)
{
    /// <summary>
    /// True: this start has its process for itself, so that no other job is to blame when it is lost. Of a job that was lost
    /// <see cref="JobErrors.LossesOfASuspect"/> times in a row.
    /// </summary>
    public bool IsAlone { get; init; }
}

/// <summary>A line of a job's log: at most 2000 characters; of one job the last 1000 lines are kept.</summary>
/// <param name="Level">As Microsoft.Extensions.Logging numbers them.</param>
public sealed record JobLogLine(DateTimeOffset At, int Attempt, int Level, string Text);

/// <summary>What came of a renewal or report.</summary>
/// <param name="Lost">The tokens that are no longer current, for which nothing was done.</param>
/// <param name="CancelRequested">The tokens of jobs that shall stop.</param>
public sealed record JobRenewal(IReadOnlyList<LeaseToken> Lost, IReadOnlyList<LeaseToken> CancelRequested);
