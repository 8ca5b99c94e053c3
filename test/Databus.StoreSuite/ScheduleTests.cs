using Databus.Jobs;
using Databus.Schedules;

namespace Databus.StoreSuite;

/// <summary>Schedules and their ticks, each taken once (P6).</summary>
public abstract class ScheduleTests(StoreHome home) : JobSuite(home)
{
    private static readonly ScheduleSettings EveryMinute = new("report", new ScheduleRule(TimeSpan.FromMinutes(1), Cron: null), Job("report"));

    [Fact]
    public async Task A_schedule_is_there_as_it_was_put()
    {
        var job = Job("mail.send", """{ "to": "Ünal ✓", "n": 1.50 }""") with
        {
            Queue = "mail",
            Priority = JobPriority.High,
            MaxAttempts = 3,
            ExpiresAfter = 5 * Minute,
            Limit = new JobLimit("site", MaxRunning: 1, MaxStarts: 2, Per: Minute),
            KeepFor = TimeSpan.FromDays(1),
        };
        var settings = new ScheduleSettings("nightly", new ScheduleRule(Every: null, "30 2 * * *", "Europe/Berlin"), job)
        {
            CatchUp = CatchUp.All,
            CatchUpLimit = 7,
            Overlap = Overlap.CancelOld,
            Jitter = Second,
            IsPaused = true,
        };
        Assert.True(await Jobs.PutScheduleAsync(settings, nextAt: null, declaration: null, Cancellation));
        Assert.True(await Jobs.PutScheduleAsync(EveryMinute, Now + Minute, declaration: null, Cancellation));
        await ReopenAsync();

        var schedules = await Jobs.ListSchedulesAsync(name: null, Cancellation);
        Assert.Equal(["nightly", "report"], schedules.Select(status => status.Settings.Name));
        var kept = schedules[0].Settings;
        Assert.Equal(Text(job.Arguments), Text(kept.Job.Arguments));
        Assert.Equal(job with { Arguments = [], After = [] }, kept.Job with { Arguments = [], After = [] });
        Assert.Equal(settings with { Job = job }, kept with { Job = job });
        Assert.Equal(EveryMinute.Rule, schedules[1].Settings.Rule);
        Assert.Equal((null, Now + Minute), (schedules[0].NextAt, schedules[1].NextAt));
        Assert.Equal((null, null, null, 0L, 0L), LastOf(schedules[1]));
    }

    [Fact]
    public async Task Each_change_makes_a_new_revision_and_what_it_did_stays_known()
    {
        await PutAsync(EveryMinute);
        var first = await StatusAsync();
        var outcome = await TakeAsync(first);
        Assert.False(await Jobs.PutScheduleAsync(EveryMinute with { Overlap = Overlap.Allow }, Now + Second, declaration: null, Cancellation));
        var second = await StatusAsync();
        Assert.True(second.Revision > first.Revision);
        Assert.Equal((Overlap.Allow, Now + Second), (second.Settings.Overlap, second.NextAt));
        Assert.Equal((first.NextAt, outcome!.JobIds[0], JobState.Waiting, 1L, 0L), LastOf(second));
    }

    [Fact]
    public async Task A_tick_enqueues_its_job_and_sets_the_next()
    {
        await PutAsync(EveryMinute);
        var before = await StatusAsync();
        var outcome = await TakeAsync(before);
        Assert.Equal(0, outcome!.Skipped);
        var id = Assert.Single(outcome.JobIds);
        var job = await JobAsync(id);
        Assert.Equal(("report", JobState.Waiting), (job.Name, job.State));
        var after = await StatusAsync();
        Assert.Equal((before.NextAt + Minute, before.Revision), (after.NextAt, after.Revision));
        Assert.Equal((before.NextAt, id, JobState.Waiting, 1L, 0L), LastOf(after));
    }

    [Fact]
    public async Task Whoever_waits_for_jobs_is_told_of_a_tick()
    {
        await PutAsync(EveryMinute);
        string? told = null;
        Jobs.Claimable = queue => told = queue ?? "any";
        await TakeAsync(await StatusAsync());
        Assert.Contains(told, (string[])["any", NewJob.DefaultQueue]);
    }

    [Fact]
    public async Task A_tick_is_taken_once()
    {
        await PutAsync(EveryMinute with { Overlap = Overlap.Allow });
        for (var round = 0; round < 10; round++)
        {
            var status = await StatusAsync();
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => TakeAsync(status)));
            Assert.Single(outcomes, outcome => outcome is not null);
        }

        Assert.Equal(10, (await StatusAsync()).Ticks);
        Assert.Equal(10, (await ClaimAsync()).Count);
    }

    [Fact]
    public async Task A_tick_of_another_time_or_revision_or_schedule_is_nobodys()
    {
        await PutAsync(EveryMinute);
        var status = await StatusAsync();
        Assert.Null(await Jobs.TickAsync(TickOf(status) with { At = status.NextAt!.Value + Millisecond }, Cancellation));
        Assert.Null(await Jobs.TickAsync(TickOf(status) with { Schedule = "unknown" }, Cancellation));
        await PutAsync(EveryMinute);
        Assert.Null(await TakeAsync(status));
        await Jobs.PutScheduleAsync(EveryMinute with { IsPaused = true }, nextAt: null, declaration: null, Cancellation);
        Assert.Null(await TakeAsync(status));
        Assert.Equal(0, await Jobs.LastIdAsync(Cancellation));
    }

    [Fact]
    public async Task A_tick_may_be_the_last_one()
    {
        await PutAsync(EveryMinute);
        Assert.NotNull(await Jobs.TickAsync(TickOf(await StatusAsync()) with { NextAt = null }, Cancellation));
        Assert.Null((await StatusAsync()).NextAt);
    }

    [Fact]
    public async Task A_tick_that_is_let_go_enqueues_nothing_and_moves_on()
    {
        await PutAsync(EveryMinute);
        var before = await StatusAsync();
        var outcome = await Jobs.TickAsync(TickOf(before) with { Jobs = [] }, Cancellation);
        Assert.Equal((0, 0), (outcome!.JobIds.Count, outcome.Skipped));
        Assert.Equal(before.NextAt + Minute, (await StatusAsync()).NextAt);
        Assert.Equal((null, null, null, 0L, 0L), LastOf(await StatusAsync()));
    }

    [Fact]
    public async Task A_job_may_start_later_than_its_tick()
    {
        await PutAsync(EveryMinute);
        var status = await StatusAsync();
        var outcome = await Jobs.TickAsync(TickOf(status) with { Jobs = [(status.NextAt!.Value, Job() with { DueAt = Now + Minute })] }, Cancellation);
        Assert.Equal(JobState.Delayed, await StateAsync(outcome!.JobIds[0]));
    }

    [Fact]
    public async Task Skip_lets_the_tick_go_while_the_last_job_has_not_ended()
    {
        await PutAsync(EveryMinute);
        var first = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        var firstAt = (await StatusAsync()).LastTickAt;
        var skipped = await TakeAsync(await StatusAsync());
        Assert.Equal((0, 1), (skipped!.JobIds.Count, skipped.Skipped));
        await ClaimOneAsync();
        await TakeAsync(await StatusAsync());
        var status = await StatusAsync();
        Assert.Equal((firstAt, first, JobState.Running, 1L, 2L), LastOf(status));
        Assert.Equal(firstAt + (3 * Minute), status.NextAt);
    }

    [Fact]
    public async Task Skip_goes_on_when_the_last_job_has_ended_or_is_gone()
    {
        await PutAsync(EveryMinute);
        await TakeAsync(await StatusAsync());
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Hopeless);
        Assert.Equal(JobState.Failed, (await StatusAsync()).LastJobState);
        var second = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        await DeleteAsync(second);
        Assert.Null((await StatusAsync()).LastJobState);
        Assert.Single((await TakeAsync(await StatusAsync()))!.JobIds);
        Assert.Equal((3L, 0L), ((await StatusAsync()).Ticks, (await StatusAsync()).Skipped));
    }

    [Fact]
    public async Task Queue_lets_the_new_job_start_when_the_old_one_has_ended()
    {
        await PutAsync(EveryMinute with { Overlap = Overlap.Queue });
        var first = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        var second = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        var third = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        Assert.Equal([JobState.Waiting, JobState.Blocked, JobState.Blocked], await StatesAsync(first, second, third));
        await CompleteAsync(Assert.Single(await ClaimAsync()), JobOutcome.Hopeless);
        await CompleteAsync(Assert.Single(await ClaimAsync()));
        Assert.Equal([third], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Cancel_old_asks_the_old_job_to_stop_and_the_new_one_waits_for_that()
    {
        await PutAsync(EveryMinute with { Overlap = Overlap.CancelOld });
        var first = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        var running = await ClaimOneAsync();
        var second = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        Assert.Equal([running.Token], await Jobs.ListCancelRequestsAsync(Node, Cancellation));
        Assert.Equal([JobState.Running, JobState.Blocked], await StatesAsync(first, second));

        // One that waits for an older one itself is asked too: else the third would start beside the first.
        var third = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        Assert.Equal([JobState.Running, JobState.Blocked, JobState.Blocked], await StatesAsync(first, second, third));
        Assert.Empty(await ClaimAsync());
        Assert.True(await CompleteAsync(running, JobOutcome.Cancelled));
        Assert.Equal([JobState.Cancelled, JobState.Cancelled], await StatesAsync(first, second));
        Assert.Equal([third], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Cancel_old_starts_the_new_job_at_once_where_the_old_one_never_started()
    {
        await PutAsync(EveryMinute with { Overlap = Overlap.CancelOld });
        var first = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        var second = (await TakeAsync(await StatusAsync()))!.JobIds[0];
        Assert.Equal(JobState.Cancelled, await StateAsync(first));
        Assert.Equal([second], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Allow_lets_both_run()
    {
        await PutAsync(EveryMinute with { Overlap = Overlap.Allow });
        await TakeAsync(await StatusAsync());
        await TakeAsync(await StatusAsync());
        Assert.Equal(2, (await ClaimAsync()).Count);
    }

    [Theory]
    [InlineData(Overlap.Skip, 1, 2)]
    [InlineData(Overlap.Queue, 3, 0)]
    [InlineData(Overlap.CancelOld, 3, 0)]
    [InlineData(Overlap.Allow, 3, 0)]
    public async Task Ticks_that_are_made_up_for_come_one_after_the_other(Overlap overlap, int enqueued, int skipped)
    {
        await PutAsync(EveryMinute with { Overlap = overlap });
        var status = await StatusAsync();
        var at = status.NextAt!.Value;
        var outcome = await Jobs.TickAsync(
            TickOf(status) with { NextAt = at + (3 * Minute), Jobs = [.. Enumerable.Range(0, 3).Select(tick => (at + (tick * Minute), Job()))] }, Cancellation);
        Assert.Equal((enqueued, skipped), (outcome!.JobIds.Count, outcome.Skipped));
        var after = await StatusAsync();
        Assert.Equal(at + (3 * Minute), after.NextAt);
        Assert.Equal((at + ((enqueued - 1) * Minute), outcome.JobIds[^1], (long)enqueued, (long)skipped), (after.LastTickAt, after.LastJobId, after.Ticks, after.Skipped));
        Assert.Equal(
            overlap switch
            {
                Overlap.Skip => [JobState.Waiting],
                Overlap.Queue => [JobState.Waiting, JobState.Blocked, JobState.Blocked],
                Overlap.CancelOld => [JobState.Cancelled, JobState.Cancelled, JobState.Waiting],
                _ => [JobState.Waiting, JobState.Waiting, JobState.Waiting],
            },
            await StatesAsync([.. outcome.JobIds]));
    }

    [Fact]
    public async Task A_deleted_schedule_is_gone_and_its_jobs_stay()
    {
        await PutAsync(EveryMinute);
        var status = await StatusAsync();
        var id = (await TakeAsync(status))!.JobIds[0];
        Assert.True(await Jobs.DeleteScheduleAsync("report", Cancellation));
        Assert.False(await Jobs.DeleteScheduleAsync("report", Cancellation));
        Assert.Empty(await Jobs.ListSchedulesAsync("report", Cancellation));
        Assert.Null(await TakeAsync(status with { NextAt = status.NextAt + Minute }));
        Assert.Equal([id], Ids(await ClaimAsync()));

        Clock.Advance(Second);
        Assert.True(await Jobs.PutScheduleAsync(EveryMinute, status.NextAt, declaration: null, Cancellation));
        Assert.Null(await TakeAsync(status));
        Assert.Equal((null, null, null, 0L, 0L), LastOf(await StatusAsync()));
    }

    private static ScheduleTick TickOf(ScheduleStatus status) => new(
        status.Settings.Name, status.Revision, status.NextAt!.Value, status.NextAt + Minute, [(status.NextAt.Value, status.Settings.Job)],
        status.Settings.Overlap);

    private static (DateTimeOffset? LastTickAt, long? LastJobId, JobState? LastJobState, long Ticks, long Skipped) LastOf(ScheduleStatus status) =>
        (status.LastTickAt, status.LastJobId, status.LastJobState, status.Ticks, status.Skipped);

    [Fact]
    public async Task Which_declaration_put_it_in_place_is_kept_whatever_people_change()
    {
        await PutAsync(EveryMinute);
        Assert.Null(await DeclarationAsync());
        await Jobs.PutScheduleAsync(EveryMinute, Now + Minute, "first", Cancellation);
        Assert.Equal("first", await DeclarationAsync());
        await PutAsync(EveryMinute with { Overlap = Overlap.Allow });
        Assert.Equal("first", await DeclarationAsync());
        await Jobs.PutScheduleAsync(EveryMinute, Now + Minute, "second", Cancellation);
        Assert.Equal("second", await DeclarationAsync());
        await Jobs.DeleteScheduleAsync(EveryMinute.Name, Cancellation);
        await PutAsync(EveryMinute);
        Assert.Null(await DeclarationAsync());

        async Task<string?> DeclarationAsync() => Assert.Single(await Jobs.ListSchedulesAsync(EveryMinute.Name, Cancellation)).Declaration;
    }

    private Task<bool> PutAsync(ScheduleSettings settings) => Jobs.PutScheduleAsync(settings, Now + Minute, declaration: null, Cancellation);

    private async Task<ScheduleStatus> StatusAsync() => Assert.Single(await Jobs.ListSchedulesAsync("report", Cancellation));

    private Task<TickOutcome?> TakeAsync(ScheduleStatus status) => Jobs.TickAsync(TickOf(status), Cancellation);
}
