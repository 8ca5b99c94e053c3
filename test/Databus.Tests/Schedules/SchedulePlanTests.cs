using System.Globalization;
using Databus.Jobs;
using Databus.Schedules;

namespace Databus.Tests.Schedules;

public sealed class SchedulePlanTests
{
    private static readonly NewJob Report = new("report", "{}"u8.ToArray());
    private static readonly ScheduleSettings Hourly = new("hourly", ScheduleRule.OfCron("0 * * * *"), Report);

    [Fact]
    public void Nothing_is_due_before_its_time_while_it_is_paused_or_without_a_next_tick() => Assert.Multiple(
        () => Assert.Null(Due(Hourly, nextAt: "13:00", now: "12:59:59.999")),
        () => Assert.Null(Due(Hourly with { IsPaused = true }, nextAt: "12:00", now: "12:00")),
        () => Assert.Null(Due(Hourly, nextAt: null, now: "12:00")));

    [Theory]
    [InlineData(CatchUp.None)]
    [InlineData(CatchUp.Latest)]
    [InlineData(CatchUp.All)]
    public void A_tick_in_time_is_taken_whatever_the_policy(CatchUp catchUp)
    {
        var tick = Due(Hourly with { CatchUp = catchUp, Overlap = Overlap.Queue }, nextAt: "13:00", now: "13:00:00.250", lastTickAt: "12:00")!;
        Assert.Equal(("hourly", 7, At("13:00"), At("14:00"), Overlap.Queue), (tick.Schedule, tick.Revision, tick.At, tick.NextAt, tick.Overlap));
        Assert.Equal([(At("13:00"), Report)], tick.Jobs);
    }

    [Theory]
    [InlineData(CatchUp.None, "17:30", "")]
    [InlineData(CatchUp.None, "17:01", "17:00")]
    [InlineData(CatchUp.None, "17:01:00.001", "")]
    [InlineData(CatchUp.Latest, "17:30", "17:00")]
    [InlineData(CatchUp.Latest, "17:00", "17:00")]
    [InlineData(CatchUp.All, "17:30", "13:00 14:00 15:00 16:00 17:00")]
    public void What_was_missed_is_made_up_for_as_the_policy_says(CatchUp catchUp, string now, string expected)
    {
        var tick = Due(Hourly with { CatchUp = catchUp }, nextAt: "13:00", now, lastTickAt: "12:00")!;
        Assert.Equal(Times(expected), tick.Jobs.Select(job => job.At));
        Assert.Equal((At("13:00"), At("18:00")), (tick.At, tick.NextAt));
    }

    [Fact]
    public void Of_all_that_was_missed_the_limit_keeps_the_latest()
    {
        var tick = Due(Hourly with { CatchUp = CatchUp.All, CatchUpLimit = 2 }, nextAt: "03:00", now: "17:30")!;
        Assert.Equal(Times("16:00 17:00"), tick.Jobs.Select(job => job.At));
    }

    [Fact]
    public void None_within_the_last_minute_was_missed()
    {
        var every20 = Hourly with { Rule = ScheduleRule.OfInterval(TimeSpan.FromSeconds(20)), CatchUp = CatchUp.None };
        Assert.Equal(Times("12:59:00 12:59:20 12:59:40 13:00:00"), Due(every20, nextAt: "12:00:20", now: "13:00")!.Jobs.Select(job => job.At));
    }

    [Fact]
    public void A_year_of_missed_seconds_is_planned_in_no_time()
    {
        var now = At("12:00").AddYears(20);
        foreach (var rule in new[] { ScheduleRule.OfCron("* * * * * *"), ScheduleRule.OfCron("* * * * 1 *"), ScheduleRule.OfInterval(TimeSpan.FromSeconds(1)) })
        {
            var settings = Hourly with { Rule = rule, CatchUp = CatchUp.All, CatchUpLimit = 1000 };
            Assert.True(Timetable.TryRead(rule, out var timetable, out _));
            var tick = SchedulePlan.Due(Status(settings, At("12:00"), lastTickAt: null), timetable, now)!;
            Assert.Equal(1000, tick.Jobs.Count);
            Assert.All(tick.Jobs.Zip(tick.Jobs.Skip(1)), pair => Assert.Equal(TimeSpan.FromSeconds(1), pair.Second.At - pair.First.At));
            Assert.True(tick.NextAt > now);
        }
    }

    [Fact]
    public void A_tick_that_ran_is_not_taken_again_when_a_put_brought_it_back()
    {
        var tick = Due(Hourly with { CatchUp = CatchUp.All }, nextAt: "13:00", now: "15:10", lastTickAt: "14:00")!;
        Assert.Equal(Times("15:00"), tick.Jobs.Select(job => job.At));
        Assert.Equal(At("13:00"), tick.At);

        var none = Due(Hourly, nextAt: "13:00", now: "13:00", lastTickAt: "13:00")!;
        Assert.Empty(none.Jobs);
        Assert.Equal(At("14:00"), none.NextAt);
    }

    [Fact]
    public void After_a_clock_that_went_back_a_little_the_last_tick_does_not_come_again()
    {
        Assert.True(Timetable.TryRead(Hourly.Rule, out var timetable, out _));
        var known = Status(Hourly with { Rule = ScheduleRule.OfCron("0 * * * *", "Europe/Berlin") }, At("14:00"), At("13:00"));
        Assert.Equal(At("14:00"), SchedulePlan.NextOf(Hourly, timetable, known, At("12:59:58")));
        Assert.Equal(At("13:00"), SchedulePlan.NextOf(Hourly, timetable, known with { LastTickAt = At("12:00") }, At("12:59:58")));
    }

    [Fact]
    public void A_clock_that_was_far_ahead_does_not_stop_a_schedule_for_good()
    {
        Assert.True(Timetable.TryRead(Hourly.Rule, out var timetable, out _));
        var known = Status(Hourly with { Rule = ScheduleRule.OfCron("5 * * * *") }, At("14:00").AddYears(1), At("13:00").AddYears(1));
        Assert.Equal(At("13:00"), SchedulePlan.NextOf(Hourly, timetable, known, At("12:30")));
        var tick = SchedulePlan.Due(Status(Hourly, At("13:00"), At("13:00").AddYears(1)), timetable, At("13:00"))!;
        Assert.Equal(Times("13:00"), tick.Jobs.Select(job => job.At));
        Assert.Equal(At("14:00"), tick.NextAt);
    }

    [Fact]
    public void What_is_put_with_the_same_rule_keeps_its_next_tick_and_with_another_one_starts_from_now()
    {
        Assert.True(Timetable.TryRead(Hourly.Rule, out var timetable, out _));
        var known = Status(Hourly, At("09:00"), At("08:00"));
        Assert.Equal(At("13:00"), SchedulePlan.NextOf(Hourly, timetable, known: null, At("12:30")));
        Assert.Equal(At("09:00"), SchedulePlan.NextOf(Hourly with { CatchUp = CatchUp.All }, timetable, known, At("12:30")));
        Assert.Equal(At("13:00"), SchedulePlan.NextOf(Hourly, timetable, known with { Settings = Hourly with { Rule = ScheduleRule.OfCron("1 * * * *") } }, At("12:30")));
        Assert.Equal(At("09:00"), SchedulePlan.NextOf(Hourly, timetable, known with { NextAt = null }, At("12:30")));
    }

    [Fact]
    public void A_promised_tick_is_taken_also_when_the_zone_has_other_rules_now()
    {
        var tick = Due(Hourly with { CatchUp = CatchUp.All }, nextAt: "13:30", now: "14:10")!;
        Assert.Equal(Times("13:30 14:00"), tick.Jobs.Select(job => job.At));
    }

    [Fact]
    public void Jitter_is_chance_and_yet_the_same_on_every_node()
    {
        var settings = Hourly with { Jitter = TimeSpan.FromSeconds(60), CatchUp = CatchUp.All, CatchUpLimit = 1000, Rule = ScheduleRule.OfInterval(TimeSpan.FromMinutes(1)) };
        var jobs = Due(settings, nextAt: "00:01", now: "15:00")!.Jobs;
        var delays = jobs.Select(job => job.Job.DueAt!.Value - job.At).ToList();
        Assert.All(delays, delay => Assert.InRange(delay, TimeSpan.Zero, TimeSpan.FromSeconds(60)));
        Assert.InRange(delays.Average(delay => delay.TotalSeconds), 27, 33);
        Assert.True(delays.Distinct().Count() > 850);
        Assert.Equal(jobs, Due(settings, nextAt: "00:01", now: "15:00")!.Jobs);
        Assert.NotEqual(delays, Due(settings with { Name = "other" }, nextAt: "00:01", now: "15:00")!.Jobs.Select(job => job.Job.DueAt!.Value - job.At));
        Assert.All(delays, delay => Assert.Equal(0, delay.Ticks % TimeSpan.TicksPerMillisecond));
    }

    private static ScheduleTick? Due(ScheduleSettings settings, string? nextAt, string now, string? lastTickAt = null)
    {
        Assert.True(Timetable.TryRead(settings.Rule, out var timetable, out var mistake), mistake?.Sentence);
        return SchedulePlan.Due(Status(settings, nextAt is null ? null : At(nextAt), lastTickAt is null ? null : At(lastTickAt)), timetable, At(now));
    }

    private static ScheduleStatus Status(ScheduleSettings settings, DateTimeOffset? nextAt, DateTimeOffset? lastTickAt) =>
        new(settings, Revision: 7, nextAt, lastTickAt, LastJobId: null, LastJobState: null, Ticks: 0, Skipped: 0);

    private static IEnumerable<DateTimeOffset> Times(string times) => times.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(At);

    private static DateTimeOffset At(string time) => DateTimeOffset.Parse($"2026-03-01T{time}Z", CultureInfo.InvariantCulture);
}
