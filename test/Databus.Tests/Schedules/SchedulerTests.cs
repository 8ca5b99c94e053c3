using System.Collections.Concurrent;
using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;
using Databus.Tests.Jobs;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Schedules;

public sealed class SchedulerTests : IAsyncLifetime
{
    private static readonly NewJob Report = new("report", """{"of":"everything"}"""u8.ToArray());
    private static readonly ScheduleSettings EveryMinute = new("minutely", ScheduleRule.OfCron("* * * * *"), Report) { Overlap = Overlap.Allow };

    private readonly List<Scheduler> _schedulers = [];
    private readonly KeptLog _log = new();
    private Engine _engine = null!;
    private JobStoreProbe _jobs = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        (var jobs, _jobs) = JobStoreProbe.Before(_engine.Store.Jobs);
        _engine.Probe.Answer("get_Jobs", () => jobs);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var scheduler in _schedulers)
        {
            await scheduler.StopAsync(CancellationToken.None);
            scheduler.Dispose();
        }

        await _engine.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_tick_enqueues_its_job_when_it_is_due_and_not_before()
    {
        var client = await StartAsync();
        Assert.Equal(new PutScheduleResult(IsCreated: true, Mistake: null), await client.PutAsync(EveryMinute, CancellationToken.None));
        Assert.Equal(Now.AddMinutes(1), (await StatusAsync()).NextAt);
        await AdvanceAsync(TimeSpan.FromSeconds(59.999));
        Assert.Empty(await EnqueuedAsync());

        await AdvanceAsync(TimeSpan.FromMilliseconds(1));
        await TickedAsync(1);
        var status = await StatusAsync();
        Assert.Equal((Now, Now.AddMinutes(1), 1), (status.LastTickAt, status.NextAt, status.Ticks));
        var job = Assert.Single(await EnqueuedAsync());
        Assert.Equal((status.LastJobId, "report", Now), (job.Id, job.Name, job.DueAt));
        Assert.Equal(Report.Arguments, job.Arguments);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task The_log_says_of_a_tick_what_it_did_and_nothing_of_what_it_did_not()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute with { Overlap = Overlap.Skip }, CancellationToken.None);
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        await TickedAsync(1);
        var job = (await StatusAsync()).LastJobId;
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        while ((await StatusAsync()).Skipped < 1)
            await Task.Yield();
        await _engine.Clock.WhenTimersAsync(1);
        Assert.Equal(
            [
                $"Schedule minutely: the tick of {Now.AddMinutes(-1):O} enqueued {job}",
                $"Schedule minutely: the tick of {Now:O} let 1 go, because an earlier one's job has not ended",
            ],
            _log.Lines);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_schedule_that_another_node_put_is_seen_within_a_second_without_a_word()
    {
        await StartAsync();
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(1));
        await _engine.Store.Jobs.PutScheduleAsync(EveryMinute, Now.AddMilliseconds(500), declaration: null, CancellationToken.None);
        _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        await TickedAsync(1);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_is_exactly_in_time_though_it_looks_only_once_a_second()
    {
        var client = await StartAsync();
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(1));
        await client.PutAsync(EveryMinute with { Rule = ScheduleRule.OfInterval(TimeSpan.FromMilliseconds(1300)) }, CancellationToken.None);
        for (var ticks = 1; ticks <= 20; ticks++)
        {
            var next = (await StatusAsync()).NextAt!.Value;
            while (Now < next)
                await AdvanceAsync(next - Now < TimeSpan.FromMilliseconds(200) ? next - Now : TimeSpan.FromMilliseconds(200));
            await TickedAsync(ticks);
            Assert.Equal(next, (await StatusAsync()).LastTickAt);
            Assert.Equal(next, Now);
        }
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task However_many_schedules_there_are_one_question_is_asked_for_all()
    {
        for (var number = 0; number < 100; number++)
            await _engine.Store.Jobs.PutScheduleAsync(EveryMinute with { Name = $"schedule-{number}" }, Now.AddHours(1), declaration: null, CancellationToken.None);
        await StartAsync();
        for (var second = 0; second < 10; second++)
            await AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.InRange(_jobs.Asked(nameof(IJobStore.ListSchedulesAsync)), 9, 12);
        Assert.Equal(0, _jobs.Asked(nameof(IJobStore.TickAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_is_away_makes_ticks_late_and_ends_nothing()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute with { CatchUp = CatchUp.All }, CancellationToken.None);
        _jobs.Refuse(nameof(IJobStore.ListSchedulesAsync), _ => Away());
        _jobs.Refuse(nameof(IJobStore.TickAsync), _ => Away());
        for (var second = 0; second < 150; second++)
            await AdvanceAsync(TimeSpan.FromSeconds(1));
        _jobs.Heal(nameof(IJobStore.ListSchedulesAsync));
        for (var second = 0; second < 5; second++)
            await AdvanceAsync(TimeSpan.FromSeconds(1));
        _jobs.Heal(nameof(IJobStore.TickAsync));
        await AdvanceAsync(TimeSpan.FromSeconds(2));
        await TickedAsync(2);
        Assert.Equal(2, (await StatusAsync()).Ticks);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_stands_in_the_way_of_one_tick_does_not_stop_the_others()
    {
        var client = await StartAsync();
        foreach (var name in new[] { "a", "b", "c" })
            await client.PutAsync(EveryMinute with { Name = name }, CancellationToken.None);
        await _engine.Store.Jobs.PutScheduleAsync(EveryMinute with { Name = "lost", Rule = ScheduleRule.OfCron("* * * * *", "Europe/Bonn") }, Now, declaration: null, CancellationToken.None);
        _jobs.Refuse(nameof(IJobStore.TickAsync), args => ((ScheduleTick)args[0]!).Schedule == "b" ? Away() : null);
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        await TickedAsync(1, "a");
        await TickedAsync(1, "c");
        Assert.Equal(0, (await StatusAsync("b")).Ticks);
        _jobs.Heal(nameof(IJobStore.TickAsync));
        await AdvanceAsync(TimeSpan.FromSeconds(2));
        await TickedAsync(1, "b");
        Assert.Equal(0, (await StatusAsync("lost")).Ticks);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_paused_one_does_not_tick_and_makes_up_for_it_as_it_says()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute with { CatchUp = CatchUp.All }, CancellationToken.None);
        await client.PutAsync(EveryMinute with { Name = "witness" }, CancellationToken.None);
        Assert.True(await client.SetPausedAsync("minutely", paused: true, CancellationToken.None));
        Assert.True(await client.SetPausedAsync("minutely", paused: true, CancellationToken.None));
        for (var minute = 1; minute <= 3; minute++)
        {
            await AdvanceAsync(TimeSpan.FromMinutes(1));
            await TickedAsync(minute, "witness");
        }

        Assert.Equal((0, true), ((await StatusAsync()).Ticks, (await StatusAsync()).Settings.IsPaused));
        Assert.True(await client.SetPausedAsync("minutely", paused: false, CancellationToken.None));
        await TickedAsync(3);
        Assert.False(await client.SetPausedAsync("nobody", paused: true, CancellationToken.None));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_is_run_now_beside_its_ticks_paused_or_not()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute with { IsPaused = true }, CancellationToken.None);
        var id = await client.RunNowAsync("minutely", CancellationToken.None);
        Assert.Equal(id, Assert.Single(await EnqueuedAsync()).Id);
        Assert.Equal(0, (await StatusAsync()).Ticks);
        Assert.Null(await client.RunNowAsync("nobody", CancellationToken.None));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_is_deleted_does_not_tick()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute, CancellationToken.None);
        await client.PutAsync(EveryMinute with { Name = "witness" }, CancellationToken.None);
        Assert.True(await client.DeleteAsync("minutely", CancellationToken.None));
        Assert.False(await client.DeleteAsync("minutely", CancellationToken.None));
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        await TickedAsync(1, "witness");
        Assert.Single(await EnqueuedAsync());
        Assert.Null(await client.FindAsync("minutely", CancellationToken.None));
        Assert.Equal("witness", Assert.Single(await client.ListAsync(CancellationToken.None)).Settings.Name);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_mistake_is_an_answer_and_nothing_is_put()
    {
        var client = await StartAsync();
        var result = await client.PutAsync(EveryMinute with { Rule = ScheduleRule.OfCron("* * * *") }, CancellationToken.None);
        Assert.Equal(("cron", false), (result.Mistake?.Field, result.IsCreated));
        Assert.Empty(await client.ListAsync(CancellationToken.None));
        Assert.Equal("cron", client.Preview(ScheduleRule.OfCron("* * * *"), 10).Mistake?.Field);
        Assert.Equal([Now.AddHours(1), Now.AddHours(2)], client.Preview(ScheduleRule.OfCron("@hourly"), 2).Ticks);
        Assert.Equal(ScheduleClient.MostTicks, client.Preview(ScheduleRule.OfCron("@hourly"), int.MaxValue).Ticks!.Count);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_declared_one_is_in_place_after_the_start_and_left_alone_while_it_is_the_same()
    {
        var declared = EveryMinute with { Jitter = TimeSpan.FromSeconds(3), CatchUp = CatchUp.All, CatchUpLimit = 7, Job = Report with { Queue = "reports", KeepFor = TimeSpan.FromDays(1) } };
        await StartAsync(declared);
        await DeclaredAsync(status => status is not null);
        var put = await StatusAsync();
        Assert.Equal((declared.Jitter, declared.CatchUp, declared.CatchUpLimit, "reports"), (put.Settings.Jitter, put.Settings.CatchUp, put.Settings.CatchUpLimit, put.Settings.Job.Queue));

        await StartAsync(declared);
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(put.Revision, (await StatusAsync()).Revision);
        Assert.Equal(1, _jobs.Asked(nameof(IJobStore.PutScheduleAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_people_changed_of_a_declared_one_stays_until_the_declaration_changes()
    {
        var client = await StartAsync(EveryMinute);
        await DeclaredAsync(status => status is not null);
        var hourly = EveryMinute with { Rule = ScheduleRule.OfCron("@hourly"), Overlap = Overlap.Queue };
        await client.PutAsync(hourly, CancellationToken.None);
        await StartAsync(EveryMinute);
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal((hourly.Rule, Overlap.Queue), ((await StatusAsync()).Settings.Rule, (await StatusAsync()).Settings.Overlap));

        var daily = ScheduleRule.OfCron("@daily");
        await StartAsync(EveryMinute with { Rule = daily });
        await DeclaredAsync(status => status!.Settings.Rule == daily);
        Assert.Equal(Overlap.Allow, (await StatusAsync()).Settings.Overlap);
    }

    [Fact]
    public void Each_thing_that_a_declaration_says_makes_it_another_one_and_a_pause_does_not()
    {
        ScheduleSettings[] all =
        [
            EveryMinute, EveryMinute with { Rule = ScheduleRule.OfCron("* * * * *", "Europe/Berlin") }, EveryMinute with { Rule = ScheduleRule.OfCron("1 * * * *") },
            EveryMinute with { Rule = ScheduleRule.OfInterval(TimeSpan.FromMinutes(1)) }, EveryMinute with { CatchUp = CatchUp.None },
            EveryMinute with { CatchUpLimit = 7 }, EveryMinute with { Overlap = Overlap.Skip }, EveryMinute with { Jitter = TimeSpan.FromSeconds(1) },
            EveryMinute with { Job = Report with { Arguments = "[]"u8.ToArray() } }, EveryMinute with { Job = Report with { Queue = "reports" } },
        ];
        Assert.Equal(all.Length, all.Select(DeclaredSchedule.MarkOf).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(DeclaredSchedule.MarkOf(EveryMinute), DeclaredSchedule.MarkOf(EveryMinute with { IsPaused = true, Job = Report with { Arguments = [.. Report.Arguments] } }));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_declaration_that_changed_is_put_and_what_is_paused_stays_paused()
    {
        var client = await StartAsync(EveryMinute);
        await DeclaredAsync(status => status is not null);
        await client.SetPausedAsync("minutely", paused: true, CancellationToken.None);
        await StartAsync(EveryMinute with { Job = Report with { Arguments = "[]"u8.ToArray() } });
        await DeclaredAsync(status => status!.Settings.Job.Arguments.Length == 2);
        Assert.True((await StatusAsync()).Settings.IsPaused);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_declaration_waits_for_a_store_that_is_away()
    {
        _jobs.Refuse(nameof(IJobStore.ListSchedulesAsync), _ => Away());
        await StartAsync(EveryMinute);
        await AdvanceAsync(TimeSpan.FromSeconds(3));
        Assert.Equal(0, _jobs.Asked(nameof(IJobStore.PutScheduleAsync)));
        _jobs.Heal(nameof(IJobStore.ListSchedulesAsync));
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        await DeclaredAsync(status => status is not null);
    }

    [Fact]
    public void A_declaration_that_cannot_be_stops_the_start()
    {
        var wrong = EveryMinute with { CatchUpLimit = 0 };
        Assert.Contains("minutely", Assert.Throws<InvalidOperationException>(() => Create(wrong)).Message, StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<InvalidOperationException>(() => Create(EveryMinute, EveryMinute)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_clock_that_goes_back_a_little_doubles_no_tick()
    {
        var client = await StartAsync();
        await client.PutAsync(EveryMinute, CancellationToken.None);
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        await TickedAsync(1);
        var ticked = Now;
        _engine.Clock.SetUtcNow(ticked.AddSeconds(-2));

        // Neither by itself nor by being put anew, with other words for the same times.
        await client.PutAsync(EveryMinute with { Rule = ScheduleRule.OfCron("*/1 * * * *") }, CancellationToken.None);
        Assert.Equal(ticked.AddMinutes(1), (await StatusAsync()).NextAt);

        // Nor by a node that has not seen the tick and puts it back.
        await _engine.Store.Jobs.PutScheduleAsync(EveryMinute, ticked, declaration: null, CancellationToken.None);
        await AdvanceAsync(TimeSpan.FromSeconds(5));
        await DeclaredAsync(status => status!.NextAt == ticked.AddMinutes(1));
        Assert.Equal(1, (await StatusAsync()).Ticks);
        await AdvanceAsync(TimeSpan.FromMinutes(1));
        await TickedAsync(2);
        Assert.Equal(2, (await EnqueuedAsync()).Count);
    }

    private DateTimeOffset Now => _engine.Clock.GetUtcNow();

    private static StoreException Away() => new(StoreProblem.Unavailable, "away");

    private Scheduler Create(params ScheduleSettings[] declared) => new(_engine.Store, declared, _engine.Clock, _log);

    private async Task<ScheduleClient> StartAsync(params ScheduleSettings[] declared)
    {
        var scheduler = Create(declared);
        _schedulers.Add(scheduler);
        await scheduler.StartAsync(CancellationToken.None);
        return new ScheduleClient(_engine.Store, scheduler);
    }

    /// <summary>
    /// Moves the clock once every scheduler waits for it, and lets each of them look again. The time is over before the first
    /// of them is woken: one that looked while the clock still moved would wait from then on, and for nobody.
    /// </summary>
    private async Task AdvanceAsync(TimeSpan time)
    {
        await _engine.Clock.WhenTimersAsync(_schedulers.Count);
        _engine.Clock.SetUtcNow(Now + time);
        _engine.Clock.Advance(TimeSpan.Zero);
    }

    private async Task<ScheduleStatus> StatusAsync(string name = "minutely") =>
        Assert.Single(await _engine.Store.Jobs.ListSchedulesAsync(name, TestContext.Current.CancellationToken));

    private async Task<IReadOnlyList<JobStatus>> EnqueuedAsync() =>
        (await _engine.Store.Jobs.ListAsync(new JobFilter(), before: null, limit: 100, TestContext.Current.CancellationToken)).Jobs;

    /// <summary>Ends once the schedule has ticked so often; the test's time limit ends a wait in vain.</summary>
    private async Task TickedAsync(int ticks, string name = "minutely")
    {
        while ((await StatusAsync(name)).Ticks < ticks)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private async Task DeclaredAsync(Func<ScheduleStatus?, bool> isSo)
    {
        while (!isSo((await _engine.Store.Jobs.ListSchedulesAsync("minutely", TestContext.Current.CancellationToken)).SingleOrDefault()))
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed class KeptLog : ILogger<Scheduler>
    {
        public ConcurrentQueue<string> Lines { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));
    }
}
