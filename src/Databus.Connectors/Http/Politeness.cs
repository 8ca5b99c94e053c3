using System.Globalization;

namespace Databus.Connectors.Http;

/// <summary>How long a server asks to be left alone.</summary>
internal static class Politeness
{
    /// <summary>No wish counts for longer, so that a wrong value cannot silence a source.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(24);

    private static readonly string[] HttpDates =
        ["ddd, dd MMM yyyy HH:mm:ss 'GMT'", "dddd, dd-MMM-yy HH:mm:ss 'GMT'", "ddd MMM d HH:mm:ss yyyy"];

    /// <summary>Retry-After, in seconds or as a date; null where it is missing, unreadable or past.</summary>
    public static TimeSpan? RetryAfter(FetchAnswer answer, DateTimeOffset now)
    {
        var value = answer.Header("Retry-After")?.Trim();
        if (Seconds(value) is { } seconds)
            return Bound(seconds);
        return HttpDate(value) is { } date ? Bound(date - now) : null;
    }

    /// <summary>What is left of Cache-Control's max-age; null where it is missing, unreadable or used up.</summary>
    public static TimeSpan? MaxAge(FetchAnswer answer)
    {
        foreach (var directive in (answer.Header("Cache-Control") ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            if (directive.StartsWith("max-age=", StringComparison.OrdinalIgnoreCase)
                && Seconds(directive["max-age=".Length..].Trim('"', ' ')) is { } maxAge)
            {
                return Bound(maxAge - (Seconds(answer.Header("Age")) ?? TimeSpan.Zero));
            }
        }
        return null;
    }

    /// <summary>The longest of several wishes, bounded; null where there is none.</summary>
    public static TimeSpan? Longer(TimeSpan? one, TimeSpan? other) =>
        Bound(one is null || other > one ? other : one);

    internal static DateTimeOffset? HttpDate(string? value) =>
        DateTimeOffset.TryParseExact(
            value, HttpDates, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AllowInnerWhite, out var date)
            ? date
            : null;

    private static TimeSpan? Bound(TimeSpan? wish)
    {
        if (wish is null || wish <= TimeSpan.Zero)
            return null;
        return wish < Longest ? wish : Longest;
    }

    // More digits than a number holds still mean "very long".
    private static TimeSpan? Seconds(string? value)
    {
        value = value?.Trim();
        if (string.IsNullOrEmpty(value) || !value.All(char.IsAsciiDigit))
            return null;
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds)
            : TimeSpan.FromSeconds(int.MaxValue);
    }
}
