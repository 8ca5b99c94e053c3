namespace Databus.Sources;

/// <summary>When a source is polled next: politely, later after each failure, and never given up silently.</summary>
internal static class PollSchedule
{
    /// <summary>The longest pause between two tries of a failing source, unless its interval is longer.</summary>
    public static readonly TimeSpan LongestBackOff = TimeSpan.FromHours(6);

    // Enough to get from the shortest interval to the longest pause, and too few to overflow with the longest one.
    private const int MostDoublings = 13;

    /// <summary>When the next poll is due; null: it is not, because it is paused or gone. Asked for it is due in any case.</summary>
    public static DateTimeOffset? DueAt(SourceStatus source, DateTimeOffset now) =>
        source.IsAskedFor ? now : source.Settings.Paused ? null : source.NextPollAt;

    /// <summary>Null: never again, because the other side said that it is gone.</summary>
    /// <param name="failures">Failed polls in a row, this one included.</param>
    /// <param name="random">0 to 1, spreads the tries of sources that failed together.</param>
    public static TimeSpan? Next(TimeSpan interval, PollResult result, int failures, double random)
    {
        if (result.Outcome == PollOutcome.Gone)
            return null;
        var wait = result.Outcome == PollOutcome.Failed ? BackOff(interval, failures, random) : interval;
        return result.NotBefore is { } asked && asked > wait ? asked : wait;
    }

    // The interval doubled with each failure after the first, plus up to a fifth.
    private static TimeSpan BackOff(TimeSpan interval, int failures, double random)
    {
        var doubled = interval * Math.Pow(2, Math.Clamp(failures - 1, 0, MostDoublings));
        var longest = interval > LongestBackOff ? interval : LongestBackOff;
        return (doubled < longest ? doubled : longest) * (1 + (random / 5));
    }
}
