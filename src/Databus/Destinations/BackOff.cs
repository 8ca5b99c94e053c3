namespace Databus.Destinations;

/// <summary>
/// How long to wait before the next try: twice as long each time up to a limit, and a fifth more or less, so that those
/// who failed together do not come again together.
/// </summary>
internal static class BackOff
{
    // Enough to get from a second to any limit here, and too few to overflow.
    private const int MostDoublings = 30;

    /// <summary>No other side is obeyed that asks for more patience than this.</summary>
    private static readonly TimeSpan LongestAskedFor = TimeSpan.FromDays(1);

    /// <summary>The wait after so many failures.</summary>
    /// <param name="failures">Failed tries so far, this one included.</param>
    /// <param name="askedFor">The least, when the other side named a time; a day at most.</param>
    /// <param name="random">0 to 1.</param>
    public static TimeSpan After(int failures, TimeSpan first, TimeSpan longest, double random, TimeSpan? askedFor = null)
    {
        var doubled = first * Math.Pow(2, Math.Clamp(failures - 1, 0, MostDoublings));
        var wait = (doubled < longest ? doubled : longest) * (0.8 + (random * 0.4));
        var least = askedFor > LongestAskedFor ? LongestAskedFor : askedFor;
        return least > wait ? least.Value : wait;
    }
}
