using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Databus.Schedules;

/// <summary>What is to be done for a schedule now. The same on every node: nothing but the arguments decides.</summary>
public static class SchedulePlan
{
    /// <summary>A tick that is later than this was missed, where missed ones are let go (<see cref="CatchUp.None"/>).</summary>
    public static readonly TimeSpan LatestStart = TimeSpan.FromMinutes(1);

    /// <summary>
    /// So far at most a clock goes back that was right before. A tick taken later than this from now was the work of a
    /// wrong clock, and does not keep the schedule from going on.
    /// </summary>
    internal static readonly TimeSpan LongestStepBack = TimeSpan.FromHours(1);

    /// <summary>The tick to be taken now; null: none is due.</summary>
    public static ScheduleTick? Due(ScheduleStatus schedule, Timetable timetable, DateTimeOffset now)
    {
        var settings = schedule.Settings;
        if (settings.IsPaused || schedule.NextAt is not { } at || at > now)
            return null;
        var jobs = TicksToTake(schedule, timetable, at, now).ConvertAll(
            tick => (tick, settings.Job with { DueAt = settings.Jitter > TimeSpan.Zero ? tick + Jitter(settings, tick) : null }));
        return new ScheduleTick(settings.Name, schedule.Revision, at, timetable.NextAfter(Start(schedule.LastTickAt, now)), jobs, settings.Overlap);
    }

    /// <summary>
    /// From when on a schedule's next tick is looked for: from now, but behind the last tick, which a clock that went back a
    /// little would bring again.
    /// </summary>
    public static DateTimeOffset Start(DateTimeOffset? lastTickAt, DateTimeOffset now) =>
        lastTickAt is { } last && last > now && last - now <= LongestStepBack ? last : now;

    /// <summary>
    /// The next tick of a schedule that is put: as it was, when its rule stays, so that what was missed is still made up
    /// for, also at the end of a pause; otherwise the first one from now on.
    /// </summary>
    /// <param name="known">The schedule as it was; null: there was none.</param>
    public static DateTimeOffset? NextOf(ScheduleSettings wanted, Timetable timetable, ScheduleStatus? known, DateTimeOffset now)
    {
        if (known is null || known.Settings.Rule != wanted.Rule)
            return timetable.NextAfter(Start(known?.LastTickAt, now));
        return known.NextAt ?? timetable.NextAfter(known.LastTickAt is { } last && last < now ? last : Start(known.LastTickAt, now));
    }

    /// <summary>The next ticks after a time.</summary>
    public static IReadOnlyList<DateTimeOffset> Preview(Timetable timetable, DateTimeOffset after, int count)
    {
        var ticks = new List<DateTimeOffset>(count);
        for (var next = timetable.NextAfter(after); next is { } tick && ticks.Count < count; next = timetable.NextAfter(tick))
            ticks.Add(tick);
        return ticks;
    }

    /// <summary>How much later than its tick the job starts: up to the schedule's jitter, and the same on every node.</summary>
    public static TimeSpan Jitter(ScheduleSettings settings, DateTimeOffset tick)
    {
        var seed = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{settings.Name} {tick.UtcTicks}"));
        var fraction = BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(seed)) / (uint.MaxValue + 1.0);
        return TimeSpan.FromMilliseconds(Math.Floor(settings.Jitter.TotalMilliseconds * fraction));
    }

    /// <summary>Those that are due and not let go, oldest first.</summary>
    private static List<DateTimeOffset> TicksToTake(ScheduleStatus schedule, Timetable timetable, DateTimeOffset at, DateTimeOffset now)
    {
        var settings = schedule.Settings;
        var most = settings.CatchUp switch
        {
            CatchUp.None => int.MaxValue,
            CatchUp.Latest => 1,
            _ => settings.CatchUpLimit,
        };

        // The next tick may be one that ran already, when the schedule was put by a node whose clock is a little behind.
        var oldest = at;
        if (schedule.LastTickAt is { } last && last >= at && last - now <= LongestStepBack)
            oldest = last.AddTicks(1);
        if (settings.CatchUp == CatchUp.None && now - LatestStart > oldest)
            oldest = now - LatestStart;

        var ticks = new List<DateTimeOffset>();
        for (var time = now; ticks.Count < most && timetable.LastUntil(time, oldest) is { } tick; time = tick.AddTicks(-1))
            ticks.Add(tick);

        // What was promised holds, also where a zone's rules changed meanwhile.
        if (at >= oldest && ticks.Count < most && (ticks.Count == 0 || ticks[^1] > at))
            ticks.Add(at);
        ticks.Reverse();
        return ticks;
    }
}
