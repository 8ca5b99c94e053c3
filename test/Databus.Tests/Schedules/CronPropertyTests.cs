using System.Globalization;
using Databus.Schedules;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Tests.Schedules;

/// <summary>Against a clock on the wall that is looked at every minute, or every second.</summary>
public sealed class CronPropertyTests
{
    private static readonly TimeZoneInfo[] Zones =
    [
        .. new[]
        {
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca", "Asia/Tehran", "Pacific/Apia",
            "Asia/Kathmandu", "America/St_Johns", "Antarctica/Troll", "Europe/Dublin",
        }.Select(TimeZoneInfo.FindSystemTimeZoneById),
    ];

    [Fact]
    public void Minute_by_minute_nothing_is_skipped_and_nothing_is_added() =>
        ForAll(600, random => AgreesWithClock(random, new CronSample(random, withSeconds: false), TimeSpan.FromMinutes(1), TimeSpan.FromHours(50), TimeSpan.FromHours(30)));

    [Fact]
    public void Second_by_second_nothing_is_skipped_and_nothing_is_added() =>
        ForAll(150, random => AgreesWithClock(random, new CronSample(random, withSeconds: true), TimeSpan.FromSeconds(1), TimeSpan.FromHours(4), TimeSpan.FromHours(4)));

    [Fact]
    public void Day_by_day_nothing_is_skipped_over_years() => ForAll(300, random =>
    {
        var sample = new CronSample(random, withSeconds: false);
        if (!CronExpression.TryParse(sample.Text, out var cron, out var mistake))
            return mistake.Contains("never comes", StringComparison.Ordinal);
        var after = new DateTimeOffset(random.Next(1980, 2030), random.Next(1, 13), random.Next(1, 29), 23, 59, 59, TimeSpan.Zero);
        var next = cron.NextAfter(after, TimeZoneInfo.Utc)!.Value;
        var day = after.UtcDateTime.AddSeconds(1);
        while (!Enumerable.Range(0, 24 * 60).Any(minute => sample.Matches(day.AddMinutes(minute))) && day < next.UtcDateTime)
            day = day.AddDays(1);
        return next > after && sample.Matches(next.UtcDateTime) && next.UtcDateTime.Date == day.Date;
    });

    [Fact]
    public void The_last_one_until_a_time_is_the_one_before_the_next() => ForAll(300, random =>
    {
        var sample = new CronSample(random, withSeconds: random.Next(2) == 0);
        if (!CronExpression.TryParse(sample.Text, out _, out _))
            return true;
        var zone = Zones[random.Next(Zones.Length)];
        Assert.True(Timetable.TryRead(ScheduleRule.OfCron(sample.Text, zone.Id), out var timetable, out _));
        var start = Somewhere(random, zone);
        var ticks = SchedulePlan.Preview(timetable, start, random.Next(2, 40));
        var (last, until) = (ticks[^2], ticks[^1].AddTicks(-1));
        return timetable.LastUntil(until, start) == last && timetable.LastUntil(last, last) == last && timetable.LastUntil(until, last.AddTicks(1)) is null;
    });

    private static bool AgreesWithClock(Random random, CronSample sample, TimeSpan step, TimeSpan past, TimeSpan future)
    {
        if (!CronExpression.TryParse(sample.Text, out var cron, out var mistake))
            return mistake.Contains("never comes", StringComparison.Ordinal);
        if (cron.IsInterval != sample.IsInterval)
            return false;
        var zone = Zones[random.Next(Zones.Length)];
        var after = Somewhere(random, zone);
        var until = after + future;
        var expected = LookAtTheClock(sample, zone, after - past, until, step).Where(time => time > after).Take(50).ToList();
        var found = new List<DateTimeOffset>();
        for (var next = cron.NextAfter(after, zone); next <= until && found.Count < 50; next = cron.NextAfter(next.Value, zone))
            found.Add(next.Value);
        Assert.True(expected.SequenceEqual(found), string.Create(
            CultureInfo.InvariantCulture, $"{sample.Text} in {zone.Id} after {after:O}: [{string.Join(' ', expected)}], not [{string.Join(' ', found)}]"));
        return true;
    }

    /// <summary>Looks again and again, and remembers what the clock has shown, and what it left out.</summary>
    private static IEnumerable<DateTimeOffset> LookAtTheClock(CronSample sample, TimeZoneInfo zone, DateTimeOffset from, DateTimeOffset until, TimeSpan step)
    {
        var before = Shown(zone, from);
        var latest = before;
        var (leftOut, leftOutUntil) = (TimeSpan.Zero, from);
        for (var time = from + step; time <= until; time += step)
        {
            var clock = Shown(zone, time);
            var wasLeftOut = false;
            if (clock - before > step)
            {
                leftOut = clock - before - step;
                leftOutUntil = time + leftOut;
                for (var skipped = before + step; skipped < clock; skipped += step)
                    wasLeftOut |= sample.Matches(skipped);
            }

            if (sample.IsInterval ? sample.Matches(clock) || (time < leftOutUntil && sample.Matches(clock - leftOut)) : wasLeftOut || (clock > latest && sample.Matches(clock)))
                yield return time;
            before = clock;
            latest = clock > latest ? clock : latest;
        }
    }

    private static DateTime Shown(TimeZoneInfo zone, DateTimeOffset time) => time.UtcDateTime + zone.GetUtcOffset(time);

    /// <summary>A full minute, in half of all cases within hours of a change of the zone's clock.</summary>
    private static DateTimeOffset Somewhere(Random random, TimeZoneInfo zone)
    {
        var time = DateTimeOffset.UnixEpoch.AddMinutes(random.NextInt64(5L * 366 * 1440, 67L * 366 * 1440));
        if (random.Next(2) == 0)
            return time;
        var hour = time;
        for (var hours = 0; hours < 10_000 && zone.GetUtcOffset(hour) == zone.GetUtcOffset(time); hours++)
            hour = hour.AddHours(1);
        return hour.AddMinutes(random.Next(-300, 120));
    }

    private static void ForAll(int times, Func<Random, bool> holds) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(times),
        Prop.ForAll(ArbMap.Default.ArbFor<DoNotSize<int>>(), seed => holds(new Random(seed.Item))));
}
