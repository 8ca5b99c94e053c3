using System.Diagnostics.CodeAnalysis;

namespace Databus.Schedules;

/// <summary>All the ticks that a rule ever has, past and to come. Depends on nothing but the rule and the zone's history.</summary>
public sealed class Timetable
{
    public static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(1);
    public static readonly TimeSpan LongestInterval = TimeSpan.FromDays(366);

    private const int LongestZoneName = 64;

    private readonly TimeSpan _every;
    private readonly CronExpression? _cron;
    private readonly TimeZoneInfo _zone;

    private Timetable(TimeSpan every, CronExpression? cron, TimeZoneInfo zone)
    {
        _every = every;
        _cron = cron;
        _zone = zone;
    }

    /// <summary>False: the rule is wrong, or this machine does not know its zone.</summary>
    public static bool TryRead(ScheduleRule rule, [NotNullWhen(true)] out Timetable? timetable, [NotNullWhen(false)] out ScheduleMistake? mistake)
    {
        timetable = null;
        switch (rule)
        {
            case { Every: not null, Cron: not null } or { Every: null, Cron: null }:
                mistake = new ScheduleMistake("cron", "A schedule has either an interval or a cron expression.");
                return false;
            case { Every: { } every } when every < ShortestInterval || every > LongestInterval || every.Ticks % TimeSpan.TicksPerMillisecond != 0:
                mistake = new ScheduleMistake("everySeconds", "The interval is 1 second to 366 days, in whole milliseconds.");
                return false;
            case { Every: not null } when rule.Zone != "UTC":
                mistake = new ScheduleMistake("zone", "An interval has no time zone: it is counted from the Unix epoch.");
                return false;
            case { Every: { } every }:
                (timetable, mistake) = (new Timetable(every, cron: null, TimeZoneInfo.Utc), null);
                return true;
        }

        if (!CronExpression.TryParse(rule.Cron, out var cron, out var sentence))
        {
            mistake = new ScheduleMistake("cron", sentence);
            return false;
        }

        if (!TryFindZone(rule.Zone, out var zone))
        {
            mistake = new ScheduleMistake("zone", $"'{rule.Zone}' is no time zone that this machine knows; a name of the IANA database is expected, such as Europe/Berlin.");
            return false;
        }

        (timetable, mistake) = (new Timetable(TimeSpan.Zero, cron, zone), null);
        return true;
    }

    /// <summary>The first tick strictly after a time. Null: there is none before the year 9900.</summary>
    public DateTimeOffset? NextAfter(DateTimeOffset time)
    {
        if (_cron is not null)
            return _cron.NextAfter(time, _zone);
        var (count, rest) = Math.DivRem((time - DateTimeOffset.UnixEpoch).Ticks, _every.Ticks);
        var next = DateTimeOffset.UnixEpoch.UtcTicks + ((rest < 0 ? count : count + 1) * _every.Ticks);
        return next <= DateTimeOffset.MaxValue.UtcTicks ? new DateTimeOffset(next, TimeSpan.Zero) : null;
    }

    /// <summary>The last tick at or before a time, and not before another. Null: there is none between the two.</summary>
    /// <remarks>Asks for a number of ticks that grows with the logarithm of the pause between two of them, however long ago the first was.</remarks>
    public DateTimeOffset? LastUntil(DateTimeOffset time, DateTimeOffset notBefore)
    {
        // Back in steps that double until a tick lies ahead …
        var (ahead, none) = (default(DateTimeOffset?), time);
        for (var step = _cron is null ? _every : TimeSpan.FromSeconds(1); ahead is null; step *= 2)
        {
            if (none < notBefore)
                return null;
            var before = none - notBefore < step ? notBefore.AddTicks(-1) : none - step;
            ahead = NextAfter(before) is { } next && next <= time ? next : null;
            if (ahead is null)
                none = before;
        }

        // … then halve what lies between that tick and the time after which there is none.
        var last = ahead.Value;
        while (none - last >= ShortestInterval)
        {
            var middle = last + ((none - last) / 2);
            if (NextAfter(middle) is { } later && later <= time)
                last = later;
            else
                none = middle;
        }

        return last;
    }

    private static bool TryFindZone(string name, [NotNullWhen(true)] out TimeZoneInfo? zone)
    {
        zone = null;

        // The name becomes the path of a file.
        return name.Length is > 0 and <= LongestZoneName
            && char.IsAsciiLetter(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '_' or '+' or '-')
            && TimeZoneInfo.TryFindSystemTimeZoneById(name, out zone);
    }
}
