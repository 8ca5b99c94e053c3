namespace Databus.Sqlite;

/// <summary>Times and durations as columns: milliseconds.</summary>
internal static class Times
{
    public static DateTimeOffset FromColumn(long milliseconds) => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);

    public static DateTimeOffset? FromColumn(object? milliseconds) =>
        milliseconds is long value ? FromColumn(value) : null;

    public static long ToColumn(this DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    public static long ToColumn(this TimeSpan time) => (long)time.TotalMilliseconds;
}
