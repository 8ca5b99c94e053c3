namespace Databus.Storage;

/// <summary>Times and durations as columns: milliseconds.</summary>
internal static class Times
{
    public static DateTimeOffset FromColumn(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static DateTimeOffset? FromColumn(object? milliseconds) =>
        milliseconds is long value ? FromColumn(value) : null;

    /// <summary>When a key is free again; the largest number says never.</summary>
    public static DateTimeOffset FromKeyColumn(long milliseconds) =>
        milliseconds == long.MaxValue ? DateTimeOffset.MaxValue : FromColumn(milliseconds);

    public static long ToColumn(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    public static long ToColumn(this TimeSpan time) => (long)time.TotalMilliseconds;
}
