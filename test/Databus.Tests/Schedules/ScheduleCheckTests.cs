using Databus.Jobs;
using Databus.Schedules;

namespace Databus.Tests.Schedules;

public sealed class ScheduleCheckTests
{
    private static readonly ScheduleSettings Sound = new("nightly", ScheduleRule.OfCron("0 3 * * *", "Europe/Berlin"), new NewJob("report", "{}"u8.ToArray()));

    public static TheoryData<string, string, ScheduleSettings> Mistakes => new()
    {
        { "name", "1 to 100", Sound with { Name = "a b" } },
        { "cron", "either an interval or a cron expression", Sound with { Rule = new ScheduleRule(Every: null, Cron: null) } },
        { "cron", "either an interval or a cron expression", Sound with { Rule = new ScheduleRule(TimeSpan.FromHours(1), "0 3 * * *") } },
        { "cron", "Field 2 (hour): '25' is not one of 0 to 23.", Sound with { Rule = ScheduleRule.OfCron("0 25 * * *") } },
        { "cron", "never comes", Sound with { Rule = ScheduleRule.OfCron("0 0 30 2 *") } },
        { "zone", "Europe/Bonn", Sound with { Rule = ScheduleRule.OfCron("0 3 * * *", "Europe/Bonn") } },
        { "zone", "is no time zone", Sound with { Rule = ScheduleRule.OfCron("0 3 * * *", "../../etc/localtime") } },
        { "zone", "is no time zone", Sound with { Rule = ScheduleRule.OfCron("0 3 * * *", "") } },
        { "zone", "counted from the Unix epoch", Sound with { Rule = new ScheduleRule(TimeSpan.FromHours(1), Cron: null, "Europe/Berlin") } },
        { "everySeconds", "1 second to 366 days", Sound with { Rule = ScheduleRule.OfInterval(TimeSpan.FromMilliseconds(999)) } },
        { "everySeconds", "1 second to 366 days", Sound with { Rule = ScheduleRule.OfInterval(TimeSpan.FromDays(367)) } },
        { "everySeconds", "whole milliseconds", Sound with { Rule = ScheduleRule.OfInterval(TimeSpan.FromSeconds(1) + TimeSpan.FromTicks(1)) } },
        { "catchUp", "none, latest or all", Sound with { CatchUp = (CatchUp)3 } },
        { "catchUpLimit", "1 to 1000", Sound with { CatchUpLimit = 0 } },
        { "catchUpLimit", "1 to 1000", Sound with { CatchUpLimit = 1001 } },
        { "overlap", "skip, queue", Sound with { Overlap = (Overlap)4 } },
        { "jitterSeconds", "0 to 1 day", Sound with { Jitter = TimeSpan.FromSeconds(-1) } },
        { "jitterSeconds", "0 to 1 day", Sound with { Jitter = TimeSpan.FromDays(1) + TimeSpan.FromMilliseconds(1) } },
        { "job", "no valid name of a job", Sound with { Job = Sound.Job with { Name = "" } } },
        { "job", "no valid name of a queue", Sound with { Job = Sound.Job with { Queue = "?" } } },
        { "job", "1 to 1000", Sound with { Job = Sound.Job with { MaxAttempts = 0 } } },
        { "job.arguments", "one JSON value", Sound with { Job = Sound.Job with { Arguments = "{} {}"u8.ToArray() } } },
        { "job.arguments", "one JSON value", Sound with { Job = Sound.Job with { Arguments = [] } } },
        { "job.dueAt", "the schedule's business", Sound with { Job = Sound.Job with { DueAt = DateTimeOffset.UnixEpoch } } },
        { "job.dueAt", "the schedule's business", Sound with { Job = Sound.Job with { Delay = TimeSpan.FromSeconds(1) } } },
        { "job.uniqueKey", "overlap", Sound with { Job = Sound.Job with { UniqueKey = "one" } } },
        { "job.after", "its tick", Sound with { Job = Sound.Job with { After = [JobReference.ById(1)] } } },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_names_its_field_and_the_limit(string field, string part, ScheduleSettings settings)
    {
        var mistake = ScheduleCheck.FindMistake(settings);
        Assert.Equal(field, mistake?.Field);
        Assert.Contains(part, mistake!.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_sound_has_none()
    {
        Assert.Null(ScheduleCheck.FindMistake(Sound));
        Assert.Null(ScheduleCheck.FindMistake(Sound with { Rule = ScheduleRule.OfInterval(TimeSpan.FromSeconds(1)), CatchUpLimit = 1000, Jitter = TimeSpan.FromDays(1) }));
        Assert.Null(ScheduleCheck.FindMistake(Sound with { Rule = ScheduleRule.OfInterval(TimeSpan.FromDays(366)) }));
    }
}
