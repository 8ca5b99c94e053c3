using Databus.AspNetCore.Problems;
using Databus.Jobs;

namespace Databus.AspNetCore.Jobs;

/// <summary>Limits on the wire, of jobs and of queues: <c>maxRunning</c>, <c>maxStarts</c> and <c>perSeconds</c>.</summary>
internal static class JobLimits
{
    private const int MostRunning = 1_000_000;

    /// <summary>The time of each of the last starts is kept.</summary>
    private const int MostStarts = 10_000;
    private static readonly double LongestPer = TimeSpan.FromDays(1).TotalSeconds;

    /// <summary>Null: nothing is wrong.</summary>
    /// <param name="at">What stands before the names of the members in the answer.</param>
    public static Problem? Judge(string at, int? maxRunning, int? maxStarts, double? perSeconds) =>
        Ranges.Judge(at + "maxRunning", maxRunning, 0, MostRunning)
        ?? Ranges.Judge(at + "maxStarts", maxStarts, 0, MostStarts)
        ?? Ranges.Judge(at + "perSeconds", perSeconds, 1, LongestPer)
        ?? (maxStarts is > 0 && perSeconds is null
            ? Problem.Invalid(at + "perSeconds", "perSeconds is needed with maxStarts: the time within which so many may start.")
            : null);

    /// <summary>Null: no limit.</summary>
    public static JobLimit? Of(string key, int? maxRunning, int? maxStarts, double? perSeconds) =>
        maxRunning is > 0 || maxStarts is > 0
            ? new JobLimit(key, maxRunning ?? 0, maxStarts ?? 0, maxStarts is > 0 ? TimeSpan.FromSeconds(perSeconds!.Value) : TimeSpan.Zero)
            : null;
}
