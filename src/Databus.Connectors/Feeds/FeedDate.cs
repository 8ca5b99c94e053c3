using System.Globalization;
using System.Text.RegularExpressions;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Reads the dates that feeds write: RFC 822 and its many misspellings, and ISO 8601. A date without a
/// zone is taken as UTC. What cannot be read is null, and never an exception.
/// </summary>
internal static partial class FeedDate
{
    private const int LongestDate = 100;

    private static readonly string[] Months =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

    public static DateTimeOffset? Parse(string? text)
    {
        text = text?.Trim();
        if (text is null or { Length: 0 or > LongestDate })
            return null;
        return ParseIso(text) ?? ParseRfc822(text);
    }

    private static DateTimeOffset? ParseIso(string text)
    {
        if (Ordinal().Match(text) is { Success: true } ordinal)
            return FromOrdinal(Number(ordinal, "year"), Number(ordinal, "day"));
        var match = Iso().Match(text);
        if (!match.Success)
            return null;
        return Create(
            Number(match, "year"), Number(match, "month", 1), Number(match, "day", 1),
            Number(match, "hour"), Number(match, "minute"), Number(match, "second"),
            Fraction(match.Groups["fraction"].ValueSpan), Offset(match.Groups["zone"].Value));
    }

    private static DateTimeOffset? ParseRfc822(string text)
    {
        var match = Rfc822().Match(text);
        if (!match.Success)
            match = MonthFirst().Match(text);
        if (!match.Success)
            return ParseSlashes(text);
        var month = Array.IndexOf(Months, match.Groups["month"].Value.ToLowerInvariant()) + 1;
        return month == 0 ? null : FromParts(match, month);
    }

    private static DateTimeOffset? ParseSlashes(string text)
    {
        var match = Slashes().Match(text);
        return match.Success ? FromParts(match, Number(match, "month")) : null;
    }

    private static DateTimeOffset? FromParts(Match match, int month) => Create(
        FullYear(match.Groups["year"].Value), month, Number(match, "day"),
        Number(match, "hour"), Number(match, "minute"), Number(match, "second"), 0,
        Offset(match.Groups["zone"].Value));

    // Two-digit years as RFC 5322 reads them.
    private static int FullYear(string digits)
    {
        var year = int.Parse(digits, CultureInfo.InvariantCulture);
        return digits.Length switch
        {
            2 when year < 50 => 2000 + year,
            2 or 3 => 1900 + year,
            _ => year,
        };
    }

    private static DateTimeOffset? FromOrdinal(int year, int day)
    {
        if (year < 100)
            year += year < 50 ? 2000 : 1900;
        if (day is < 1 or > 366 || (day == 366 && !DateTime.IsLeapYear(year)))
            return null;
        return Create(year, 1, 1, 0, 0, 0, 0, TimeSpan.Zero)?.AddDays(day - 1);
    }

    private static DateTimeOffset? Create(
        int year, int month, int day, int hour, int minute, int second, long ticks, TimeSpan? offset)
    {
        if (offset is not { } zone || year is < 1 or > 9998 || month is < 1 or > 12)
            return null;
        if (day < 1 || day > DateTime.DaysInMonth(year, month) || hour > 24 || minute > 59 || second > 60)
            return null;
        if (hour == 24 && (minute > 0 || second > 0))
            return null;
        // Midnight may be written 24:00, and a leap second :60; both are the next moment.
        var local = new DateTime(year, month, day, 0, 0, 0, DateTimeKind.Unspecified)
            .AddHours(hour).AddMinutes(minute).AddSeconds(second).AddTicks(ticks);
        return local.Ticks < TimeSpan.TicksPerDay ? null : new DateTimeOffset(local, zone).ToUniversalTime();
    }

    private static TimeSpan? Offset(string zone)
    {
        zone = zone.Trim();
        if (zone.Length == 0)
            return TimeSpan.Zero;
        if (NamedZone(zone) is { } named)
            return TimeSpan.FromHours(named);
        var match = NumericZone().Match(zone);
        if (!match.Success)
            return null;
        var (hours, minutes) = (Number(match, "hours"), Number(match, "minutes"));
        if (hours * 60 + minutes > 14 * 60 || minutes > 59)
            return null;
        var offset = new TimeSpan(hours, minutes, 0);
        return match.Groups["sign"].Value == "+" ? offset : -offset;
    }

    private static int? NamedZone(string zone) => zone.ToUpperInvariant() switch
    {
        "UT" or "UTC" or "GMT" or "Z" or "WET" => 0,
        "BST" or "CET" or "MEZ" => 1,
        "CEST" or "MESZ" or "EET" or "SAST" => 2,
        "EEST" or "MSK" => 3,
        "SGT" or "HKT" => 8,
        "JST" or "KST" => 9,
        "AEST" => 10,
        "AEDT" => 11,
        "ADT" => -3,
        "AST" or "EDT" => -4,
        "EST" or "CDT" => -5,
        "CST" or "MDT" => -6,
        "MST" or "PDT" => -7,
        "PST" or "AKDT" => -8,
        "AKST" => -9,
        "HST" => -10,
        // RFC 5322: the military letters were specified wrongly once, and mean nothing since.
        { Length: 1 } letter when char.IsAsciiLetter(letter[0]) => 0,
        _ => null,
    };

    private static long Fraction(ReadOnlySpan<char> digits)
    {
        var ticks = 0L;
        var unit = TimeSpan.TicksPerSecond / 10;
        foreach (var digit in digits[..Math.Min(digits.Length, 7)])
        {
            ticks += (digit - '0') * unit;
            unit /= 10;
        }
        return ticks;
    }

    private static int Number(Match match, string group, int missing = 0) =>
        match.Groups[group] is { Success: true } found
            ? int.Parse(found.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture)
            : missing;

    private const RegexOptions Options =
        RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.IgnoreCase
        | RegexOptions.ExplicitCapture;

    [GeneratedRegex("^(?<year>[0-9]{4}|[0-9]{2})-?(?<day>[0-9]{3})$", Options)]
    private static partial Regex Ordinal();

    [GeneratedRegex(
        "^(?<year>[0-9]{4})(-?(?<month>[0-9]{2})(-?(?<day>[0-9]{2}))?)?"
        + "(([T_]| +)(?<hour>[0-9]{1,2}):?(?<minute>[0-9]{2})((:(?<second>[0-9]{1,2})|(?<second>[0-9]{2}))([.,](?<fraction>[0-9]+))?)?"
        + " *(?<zone>[A-Z]{1,5}|[+-][0-9]{1,2}(:?[0-9]{2})?)?)?Z?$",
        Options)]
    private static partial Regex Iso();

    [GeneratedRegex(
        @"^([A-Z]+\.?,? *)?(?<day>[0-9]{1,2})[ -]*(?<month>[A-Z]{3})[A-Z]*\.?,?[ -]*(?<year>[0-9]{4}|[0-9]{2,3})"
        + @"(,? +(?<hour>[0-9]{1,2}):(?<minute>[0-9]{1,2})(:(?<second>[0-9]{1,2})([.][0-9]+)?)?"
        + @" *(?<zone>[A-Z]{1,5}|(GMT|UTC?)?[+-][0-9]{1,2}(:?[0-9]{2})?)?( *\([^)]*\))?)?$",
        Options)]
    private static partial Regex Rfc822();

    [GeneratedRegex(
        @"^([A-Z]+\.?,? +)?(?<month>[A-Z]{3})[A-Z]*\.? +(?<day>[0-9]{1,2}),? +"
        + @"((?<year>[0-9]{4})(,? +(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(:(?<second>[0-9]{2}))?"
        + @" *(?<zone>[A-Z]{1,5}|[+-][0-9]{1,2}:?[0-9]{2})?)?"
        + @"|(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(:(?<second>[0-9]{2}))?"
        + @" +((?<zone>[A-Z]{1,5}|[+-][0-9]{1,2}:?[0-9]{2}) +)?(?<year>[0-9]{4}))$",
        Options)]
    private static partial Regex MonthFirst();

    [GeneratedRegex(
        @"^([A-Z]+\.?,? *)?(?<year>[0-9]{4})/(?<month>[0-9]{1,2})/(?<day>[0-9]{1,2})"
        + @"( +(?<hour>[0-9]{1,2}):(?<minute>[0-9]{2})(:(?<second>[0-9]{2}))? *(?<zone>[A-Z]{1,5}|[+-][0-9]{1,2}:?[0-9]{2})?)?$",
        Options)]
    private static partial Regex Slashes();

    [GeneratedRegex("^(GMT|UTC?)?(?<sign>[+-])(?<hours>[0-9]{1,2}):?(?<minutes>[0-9]{2})?$", Options)]
    private static partial Regex NumericZone();
}
