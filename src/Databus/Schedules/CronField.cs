using System.Globalization;

namespace Databus.Schedules;

/// <summary>One field of a cron expression: the values it names, as bits, and what only days have.</summary>
internal readonly record struct CronField
{
    public ulong Values { get; init; }

    /// <summary>It begins with <c>*</c>. Of two fields of days, one that does narrows the other; two that do not are OR-ed.</summary>
    public bool IsStar { get; init; }

    /// <summary>It has <c>*</c> or a step, or names every value there is: people mean "again and again", and not a time.</summary>
    public bool IsRepeating { get; init; }

    /// <summary>The last day of the month.</summary>
    public bool LastDay { get; init; }

    /// <summary>Days of the week, as bits, of which the last one in the month is meant.</summary>
    public int LastWeekdays { get; init; }

    /// <summary>The nth days of the week in the month: seven bits for the first of each, seven for the second, and so on.</summary>
    public ulong NthWeekdays { get; init; }
}

/// <summary>What may stand in one of the fields, and how to read it.</summary>
internal sealed class CronFieldKind
{
    public static readonly CronFieldKind Second = new("second", 0, 59, 59, []);
    public static readonly CronFieldKind Minute = new("minute", 0, 59, 59, []);
    public static readonly CronFieldKind Hour = new("hour", 0, 23, 23, []);
    public static readonly CronFieldKind DayOfMonth = new("day of month", 1, 31, 31, []) { HasLastDay = true };
    public static readonly CronFieldKind Month =
        new("month", 1, 12, 12, ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]);

    public static readonly CronFieldKind DayOfWeek = new("day of week", 0, 6, Sunday, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]);

    private const int Sunday = 7;

    private readonly string _name;
    private readonly int _min;
    private readonly int _max;
    private readonly int _highest;
    private readonly string[] _words;

    /// <summary>One kind of field.</summary>
    /// <param name="max">The end of <c>*</c>.</param>
    /// <param name="highest">The largest number that may be written.</param>
    /// <param name="words">Instead of numbers, from the smallest on.</param>
    private CronFieldKind(string name, int min, int max, int highest, string[] words)
    {
        _name = name;
        _min = min;
        _max = max;
        _highest = highest;
        _words = words;
    }

    private bool HasLastDay { get; init; }

    private bool IsDayOfWeek => _highest == Sunday;

    private ulong All => ((1UL << (_max - _min + 1)) - 1) << _min;

    private string Range => _words.Length == 0 ? $"{_min} to {_highest}" : $"{_min} to {_highest} or {_words[0]} to {_words[^1]}";

    /// <summary>Null: it was read. Otherwise what is wrong, with the field's name, its position and its range.</summary>
    /// <param name="position">In the expression, from 1.</param>
    public string? Read(string text, int position, out CronField field)
    {
        field = new CronField { IsStar = text.StartsWith('*') };
        foreach (var part in text.Split(','))
        {
            if (ReadPart(part, ref field) is { } mistake)
                return $"Field {position} ({_name}): {mistake}";
        }

        if ((field.Values & All) == All)
            field = field with { IsRepeating = true };
        return null;
    }

    private string? ReadPart(string part, ref CronField field)
    {
        if (part.Length == 0)
            return $"something is missing beside a comma; it takes {Range}.";
        if (part.Contains('?', StringComparison.Ordinal))
            return "'?' is not known here; write * for any.";
        if (HasLastDay && part is "L" or "l")
        {
            field = field with { LastDay = true };
            return null;
        }

        if (IsDayOfWeek && part[^1] is 'L' or 'l')
            return ReadLastWeekday(part, ref field);
        if (IsDayOfWeek && part.Contains('#', StringComparison.Ordinal))
            return ReadNthWeekday(part, ref field);
        return ReadValues(part, ref field);
    }

    private string? ReadLastWeekday(string part, ref CronField field)
    {
        if (!TryReadValue(part[..^1], out var day))
            return $"'{part}' names no day before its L; it takes {Range}, as in 5L for the last Friday.";
        field = field with { LastWeekdays = field.LastWeekdays | (1 << (day % Sunday)) };
        return null;
    }

    private string? ReadNthWeekday(string part, ref CronField field)
    {
        var hash = part.IndexOf('#', StringComparison.Ordinal);
        if (!TryReadValue(part[..hash], out var day))
            return $"'{part}' names no day before its #; it takes {Range}, as in 1#2 for the second Monday.";
        if (!TryReadNumber(part[(hash + 1)..], out var nth) || nth is < 1 or > 5)
            return $"after # in '{part}' stands which one of the month, 1 to 5.";
        field = field with { NthWeekdays = field.NthWeekdays | (1UL << (((nth - 1) * Sunday) + (day % Sunday))) };
        return null;
    }

    private string? ReadValues(string part, ref CronField field)
    {
        var slash = part.IndexOf('/', StringComparison.Ordinal);
        var step = 1;
        if (slash >= 0 && (!TryReadNumber(part[(slash + 1)..], out step) || step < 1 || step > _max - _min))
            return $"the step in '{part}' is not one of 1 to {_max - _min}.";

        var values = slash < 0 ? part : part[..slash];
        var (from, to) = (_min, _max);
        if (values != "*")
        {
            var dash = values.IndexOf('-', StringComparison.Ordinal);
            var first = dash < 0 ? values : values[..dash];
            if (!TryReadValue(first, out from))
                return $"'{first}' is not one of {Range}.";
            if (dash < 0)
                to = slash < 0 ? from : _max;
            else if (!TryReadValue(values[(dash + 1)..], out to))
                return $"'{values[(dash + 1)..]}' is not one of {Range}.";
            else if (IsDayOfWeek && to == 0 && from > 0)
                to = Sunday;
            if (from > to && dash >= 0)
                return $"the range '{values}' goes backwards; within {Range} it is written as two.";
        }

        var bits = field.Values;
        for (var value = from; value <= Math.Max(from, to); value += step)
            bits |= 1UL << (IsDayOfWeek ? value % Sunday : value);
        field = field with { Values = bits, IsRepeating = field.IsRepeating || slash >= 0 || values == "*" };
        return null;
    }

    private bool TryReadValue(string text, out int value)
    {
        var word = Array.FindIndex(_words, word => word.Equals(text, StringComparison.OrdinalIgnoreCase));
        value = word + _min;
        return word >= 0 || (TryReadNumber(text, out value) && value >= _min && value <= _highest);
    }

    private static bool TryReadNumber(string text, out int number) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && text.Length <= 3;
}
