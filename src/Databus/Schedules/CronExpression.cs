using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Databus.Schedules;

/// <summary>
/// Times of day and days of the calendar, written as cron writes them:
/// <c>[second] minute hour day-of-month month day-of-week</c>.
/// </summary>
/// <remarks>
/// <para>
/// A field is <c>*</c>, a value, a range <c>1-5</c>, a step <c>*/15</c>, <c>10-40/5</c> or <c>5/15</c> (from 5 on), or several
/// of these with commas between. Months and days may be written as names, <c>JAN</c> to <c>DEC</c> and <c>SUN</c> to
/// <c>SAT</c>; 0 and 7 are Sunday. <c>L</c> as the day of the month is its last day; as the day of the week, <c>5L</c> is
/// the last Friday of the month and <c>1#2</c> the second Monday. Instead of fields one word may stand: <c>@hourly</c>,
/// <c>@daily</c>, <c>@weekly</c> (Sunday at 0:00), <c>@monthly</c>, <c>@yearly</c>.
/// </para>
/// <para>
/// As everywhere, a day matches that fits either field of days, if both are restricted; a field that begins with <c>*</c>
/// is not.
/// </para>
/// <para>
/// Where a zone's clock is put forward or back: a <em>time</em>, such as <c>30 2 * * *</c>, that is skipped runs once, right
/// after the gap, and one that comes twice runs once, the first time. An <em>interval</em>, which is written with <c>*</c> or a
/// step in the fields of minute or hour, such as <c>*/20 * * * *</c> or <c>0 */6 * * *</c>, goes on by the time that passes:
/// it runs whenever the clock shows a match, so both times around; and what a gap skips runs when it would have,
/// had the clock not been put forward.
/// </para>
/// </remarks>
public sealed class CronExpression
{
    /// <summary>In characters.</summary>
    public const int MaxLength = 200;

    // Long enough for a 29 February on a given day of the week, also across a year such as 2100 that is no leap year.
    private const int YearsOfSearch = 50;

    // Every combination of date and day of the week that there is comes up within a cycle of 28 years.
    private static readonly DateTime CycleStart = new(2000, 1, 1);
    private const int LastYear = 9900;

    private static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["@hourly"] = "0 * * * *",
        ["@daily"] = "0 0 * * *",
        ["@weekly"] = "0 0 * * 0",
        ["@monthly"] = "0 0 1 * *",
        ["@yearly"] = "0 0 1 1 *",
    };

    private static readonly CronFieldKind[] Kinds =
        [CronFieldKind.Second, CronFieldKind.Minute, CronFieldKind.Hour, CronFieldKind.DayOfMonth, CronFieldKind.Month, CronFieldKind.DayOfWeek];

    private readonly string _text;
    private readonly ulong _seconds;
    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly CronField _daysOfMonth;
    private readonly ulong _months;
    private readonly CronField _daysOfWeek;

    private CronExpression(string text, CronField[] fields)
    {
        _text = text;
        (_seconds, _minutes, _hours) = (fields[0].Values, fields[1].Values, fields[2].Values);
        (_daysOfMonth, _months, _daysOfWeek) = (fields[3], fields[4].Values, fields[5]);
        IsInterval = fields[1].IsRepeating || fields[2].IsRepeating;
    }

    /// <summary>It is followed by the time that passes where clocks are put forward or back.</summary>
    public bool IsInterval { get; }

    /// <summary>False: it cannot be read, or no day of any year fits it; the sentence says which field is wrong, and what it takes.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out CronExpression? expression, [NotNullWhen(false)] out string? mistake)
    {
        expression = null;
        if (text?.Length > MaxLength)
        {
            mistake = $"A cron expression has at most {MaxLength} characters.";
            return false;
        }

        text = string.Join(' ', (text ?? "").Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries));
        if (text.StartsWith('@') && !Words.ContainsKey(text))
        {
            mistake = $"'{text}' is not one of {string.Join(", ", Words.Keys)}.";
            return false;
        }

        var parts = (Words.GetValueOrDefault(text) ?? text).Split(' ');
        if (parts.Length is not (5 or 6))
        {
            mistake = $"A cron expression has five fields (minute hour day-of-month month day-of-week), or six with seconds in front; this one has {(text.Length == 0 ? 0 : parts.Length)}.";
            return false;
        }

        var withoutSeconds = Kinds.Length - parts.Length;
        var fields = new CronField[Kinds.Length];
        fields[0] = new CronField { Values = 1 };
        for (var i = 0; i < parts.Length; i++)
        {
            mistake = Kinds[i + withoutSeconds].Read(parts[i], i + 1, out fields[i + withoutSeconds]);
            if (mistake is not null)
                return false;
        }

        var read = new CronExpression(text, fields);
        if (read.FirstMatch(CycleStart) is null)
        {
            mistake = $"'{text}' never comes: no month has such a day (fields {parts.Length - 2} and {parts.Length - 1}, day of month and month).";
            return false;
        }

        (expression, mistake) = (read, null);
        return true;
    }

    /// <summary>The first time strictly after the one given, in whole seconds. Null: there is none before the year 9900.</summary>
    public DateTimeOffset? NextAfter(DateTimeOffset time, TimeZoneInfo zone)
    {
        if (time.UtcDateTime.Year >= LastYear)
            return null;
        var start = time < DateTimeOffset.UnixEpoch ? DateTimeOffset.UnixEpoch.AddTicks(-1) : time;
        var from = new DateTime((start.UtcTicks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond) + TimeSpan.TicksPerSecond, DateTimeKind.Utc);
        var end = from.AddYears(YearsOfSearch);
        var stretch = ZoneStretch.At(zone, from);
        while (true)
        {
            var lower = from > stretch.Start ? from : stretch.Start;
            var found = FirstIn(stretch, lower);
            if (stretch.Next(zone, lower, found ?? end) is not { } next)
                return found is { } at ? new DateTimeOffset(at) : null;
            stretch = next;
        }
    }

    public override string ToString() => _text;

    /// <summary>The first time in the stretch, should it go on for ever.</summary>
    private DateTime? FirstIn(ZoneStretch stretch, DateTime from)
    {
        var jump = stretch.Offset - stretch.OffsetBefore;

        // What the clock shows again has run already.
        var unseen = IsInterval || jump >= TimeSpan.Zero || from >= stretch.Start - jump ? from : stretch.Start - jump;
        var first = FirstMatch(unseen + stretch.Offset) - stretch.Offset;
        if (jump <= TimeSpan.Zero)
            return first;

        // What the clock skipped, as it would have been shown.
        var skippedUntil = stretch.Start + stretch.Offset;
        if (!IsInterval)
            return from == stretch.Start && FirstMatch(from + stretch.OffsetBefore) < skippedUntil ? from : first;
        return FirstMatch(from + stretch.OffsetBefore) is { } skipped && skipped < skippedUntil && !(skipped - stretch.OffsetBefore > first)
            ? skipped - stretch.OffsetBefore
            : first;
    }

    /// <summary>The first time at or after the one given at which a clock that is never changed shows a match.</summary>
    private DateTime? FirstMatch(DateTime from)
    {
        var month = new DateTime(from.Year, from.Month, 1, 0, 0, 0, from.Kind);
        var days = DaysOf(from.Year, from.Month) & (uint.MaxValue << from.Day);
        for (var months = 0; months <= YearsOfSearch * 12; months++)
        {
            for (; days != 0; days &= days - 1)
            {
                var day = month.AddDays(BitOperations.TrailingZeroCount(days) - 1);
                if (FirstTime(day < from ? from.TimeOfDay : TimeSpan.Zero) is { } time)
                    return day + time;
            }

            month = month.AddMonths(1);
            days = DaysOf(month.Year, month.Month);
        }

        return null;
    }

    private TimeSpan? FirstTime(TimeSpan from)
    {
        for (var hour = Bit(_hours, from.Hours); hour >= 0; hour = Bit(_hours, hour + 1))
        {
            for (var minute = Bit(_minutes, hour > from.Hours ? 0 : from.Minutes); minute >= 0; minute = Bit(_minutes, minute + 1))
            {
                var second = Bit(_seconds, hour > from.Hours || minute > from.Minutes ? 0 : from.Seconds);
                if (second >= 0)
                    return new TimeSpan(hour, minute, second);
            }
        }

        return null;
    }

    /// <summary>The days of the month that match, as bits from 1.</summary>
    private uint DaysOf(int year, int month)
    {
        if ((_months & (1UL << month)) == 0)
            return 0;
        var count = DateTime.DaysInMonth(year, month);
        var weekday = (int)new DateTime(year, month, 1).DayOfWeek;
        var (byDate, byWeekday) = (0u, 0u);
        for (var day = 1; day <= count; day++, weekday = (weekday + 1) % 7)
        {
            var bit = 1u << day;
            if ((_daysOfMonth.Values & bit) != 0 || (_daysOfMonth.LastDay && day == count))
                byDate |= bit;
            if ((_daysOfWeek.Values & (1UL << weekday)) != 0
                || ((_daysOfWeek.LastWeekdays & (1 << weekday)) != 0 && day > count - 7)
                || (_daysOfWeek.NthWeekdays & (1UL << (((day - 1) / 7 * 7) + weekday))) != 0)
            {
                byWeekday |= bit;
            }
        }

        return _daysOfMonth.IsStar || _daysOfWeek.IsStar ? byDate & byWeekday : byDate | byWeekday;
    }

    /// <summary>The smallest bit that is set, from one on; -1: none.</summary>
    private static int Bit(ulong bits, int from)
    {
        var rest = from > 63 ? 0 : bits >> from;
        return rest == 0 ? -1 : from + BitOperations.TrailingZeroCount(rest);
    }
}
