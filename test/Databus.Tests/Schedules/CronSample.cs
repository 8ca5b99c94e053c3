using System.Globalization;

namespace Databus.Tests.Schedules;

/// <summary>A cron expression by chance, beside what it means: written down a second time, as plainly as possible.</summary>
internal sealed class CronSample
{
    private static readonly string[] Weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly Random _random;
    private readonly Func<int, bool> _isSecond;
    private readonly Func<int, bool> _isMinute;
    private readonly Func<int, bool> _isHour;
    private readonly Func<DateTime, bool> _isDayOfMonth;
    private readonly Func<int, bool> _isMonth;
    private readonly Func<DateTime, bool> _isDayOfWeek;
    private readonly bool _bothDays;

    public CronSample(Random random, bool withSeconds)
    {
        _random = random;
        var (second, isSecond, _) = withSeconds ? Field(0, 59) : ("0", value => value == 0, false);
        var (minute, isMinute, isMinuteRepeating) = Field(0, 59);
        var (hour, isHour, isHourRepeating) = Field(0, 23);
        var (month, isMonth, _) = Chance(70) ? ("*", static _ => true, true) : Field(1, 12);
        var (dayOfMonth, isDayOfMonth) = DayOfMonth();
        var (dayOfWeek, isDayOfWeek) = DayOfWeek();
        (_isSecond, _isMinute, _isHour, _isDayOfMonth, _isMonth, _isDayOfWeek) = (isSecond, isMinute, isHour, isDayOfMonth, isMonth, isDayOfWeek);
        _bothDays = dayOfMonth[0] == '*' || dayOfWeek[0] == '*';
        IsInterval = isMinuteRepeating || isHourRepeating;
        Text = string.Join(' ', withSeconds ? [second, minute, hour, dayOfMonth, month, dayOfWeek] : new[] { minute, hour, dayOfMonth, month, dayOfWeek });
    }

    public string Text { get; }

    public bool IsInterval { get; }

    public bool Matches(DateTime clock)
    {
        if (!_isSecond(clock.Second) || !_isMinute(clock.Minute) || !_isHour(clock.Hour) || !_isMonth(clock.Month))
            return false;
        return _bothDays ? _isDayOfMonth(clock) && _isDayOfWeek(clock) : _isDayOfMonth(clock) || _isDayOfWeek(clock);
    }

    private (string Text, Func<DateTime, bool> IsIn) DayOfMonth()
    {
        if (Chance(60))
            return ("*", static _ => true);
        if (Chance(20))
            return ("L", static day => day.AddDays(1).Day == 1);
        var (text, isIn, _) = Field(1, 31);
        return (text, day => isIn(day.Day));
    }

    private (string Text, Func<DateTime, bool> IsIn) DayOfWeek()
    {
        if (Chance(60))
            return ("*", static _ => true);
        var weekday = _random.Next(7);
        if (Chance(15))
            return ($"{weekday}L", day => (int)day.DayOfWeek == weekday && day.AddDays(7).Month != day.Month);
        var nth = _random.Next(1, 6);
        if (Chance(15))
            return ($"{Weekdays[weekday]}#{nth}", day => (int)day.DayOfWeek == weekday && (day.Day + 6) / 7 == nth);
        if (Chance(15))
            return ($"{weekday}-7", day => (int)day.DayOfWeek >= weekday || day.DayOfWeek == System.DayOfWeek.Sunday);
        var (text, isIn, _) = Field(0, 6);
        return (text, day => isIn((int)day.DayOfWeek));
    }

    private (string Text, Func<int, bool> IsIn, bool IsRepeating) Field(int min, int max)
    {
        if (Chance(25))
            return ("*", static _ => true, true);
        var parts = Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Part(min, max)).ToList();
        var isIn = parts.ConvertAll(part => part.IsIn);
        var all = Enumerable.Range(min, max - min + 1).All(value => isIn.Exists(part => part(value)));
        return (string.Join(',', parts.Select(part => part.Text)), value => isIn.Exists(part => part(value)), all || parts.Exists(part => part.IsRepeating));
    }

    private (string Text, Func<int, bool> IsIn, bool IsRepeating) Part(int min, int max)
    {
        var from = _random.Next(min, max + 1);
        var to = _random.Next(from, max + 1);
        var step = _random.Next(1, max - min + 1);
        return _random.Next(6) switch
        {
            0 => ($"*/{step}", value => (value - min) % step == 0, true),
            1 => ($"{from}-{to}", value => value >= from && value <= to, false),
            2 => ($"{from}-{to}/{step}", value => value >= from && value <= to && (value - from) % step == 0, true),
            3 => ($"{from}/{step}", value => value >= from && (value - from) % step == 0, true),
            _ => (from.ToString(CultureInfo.InvariantCulture), value => value == from, false),
        };
    }

    private bool Chance(int percent) => _random.Next(100) < percent;
}
