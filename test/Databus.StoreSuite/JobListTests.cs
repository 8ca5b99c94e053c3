using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>Looking at jobs, and changing many of them; their logs and counts; and what is no longer kept.</summary>
public abstract class JobListTests(StoreHome home) : JobSuite(home)
{
    /// <summary>No step writes more rows than this.</summary>
    private const int LargestStep = 5000;

    private static readonly JobFilter Everything = new();

    [Fact]
    public async Task Jobs_are_listed_newest_first_those_that_ended_among_the_others()
    {
        var ids = await EnqueueAsync(ManyJobs(5));
        var jobs = await ClaimAsync(max: 3);
        await CompleteAsync(jobs[1], result: "1");
        await CancelAsync(ids[4]);
        var page = await ListAsync(Everything);
        Assert.Equal(ids.Reverse(), Ids(page));
        Assert.Null(page.ScannedTo);
        Assert.Equal(
            [JobState.Cancelled, JobState.Waiting, JobState.Running, JobState.Succeeded, JobState.Running], page.Jobs.Select(job => job.State));
        Assert.Equal("1", Text(page.Jobs[3].Result!));
        foreach (var job in page.Jobs)
        {
            var alone = await JobAsync(job.Id);
            Assert.Equal(alone with { Arguments = [], Result = null }, job with { Arguments = [], Result = null });
            Assert.Equal((Text(alone.Arguments), alone.Result is null), (Text(job.Arguments), job.Result is null));
        }
    }

    [Fact]
    public async Task Pages_follow_each_other_without_a_gap()
    {
        var ids = await EnqueueAsync(ManyJobs(25));
        await CompleteAllAsync(await ClaimAsync(max: 12));
        var seen = new List<long>();
        long? before = null;
        do
        {
            var page = await Jobs.ListAsync(Everything, before, 4, Cancellation);
            Assert.InRange(page.Jobs.Count, 0, 4);
            seen.AddRange(Ids(page));
            before = page.ScannedTo;
        }
        while (before is not null);

        Assert.Equal(ids.Reverse(), seen);
    }

    [Fact]
    public async Task A_page_looks_at_a_bounded_number_of_jobs()
    {
        const int others = 2 * JobPage.MostLookedAt;
        var wanted = await EnqueueOneAsync(Job("wanted"));
        await EnqueueAsync(ManyJobs(others));
        await CompleteAllAsync(await ClaimAsync(max: others / 2));
        var pages = 0;
        var found = new List<long>();
        long? before = null;
        do
        {
            var page = await Jobs.ListAsync(new JobFilter { Name = "wanted" }, before, 10, Cancellation);
            Assert.True(page.ScannedTo is null || before is null || page.ScannedTo < before);
            found.AddRange(Ids(page));
            before = page.ScannedTo;
            pages++;
        }
        while (before is not null);

        Assert.Equal([wanted], found);
        Assert.InRange(pages, 1 + (others / JobPage.MostLookedAt), 20);
    }

    [Fact]
    public async Task A_page_of_large_jobs_stays_bounded()
    {
        var large = $"\"{new string('x', 3 << 20)}\"";
        await EnqueueAsync([.. Enumerable.Repeat(Job(arguments: large), 6)]);
        var seen = 0;
        for (long? before = null; ;)
        {
            var page = await Jobs.ListAsync(Everything, before, 100, Cancellation);
            Assert.InRange(page.Jobs.Count, 1, 4);
            seen += page.Jobs.Count;
            if (page.ScannedTo is null)
                break;
            before = page.ScannedTo;
        }

        Assert.Equal(6, seen);
    }

    [Fact]
    public async Task Each_filter_chooses()
    {
        var start = Now;
        var ids = new List<long> { await EnqueueOneAsync(Job("a", """{"url":"https://Example.org/Ä"}""")) };
        Clock.Advance(Minute);
        ids.AddRange(await EnqueueAsync(Job("b") with { Queue = "mail" }, Job("a", """{"percent":"100%_"}""") with { Delay = Minute }));
        Clock.Advance(Minute);
        ids.Add(await EnqueueOneAsync(Job("c") with { Priority = JobPriority.High }));

        // The delayed one comes due with this claim.
        await CompleteAsync(await ClaimOneAsync());
        await AssertListsAsync(new JobFilter { Ids = [ids[3], ids[1], 0, long.MaxValue] }, 3, 1);
        await AssertListsAsync(new JobFilter { Ids = [] });
        await AssertListsAsync(new JobFilter { States = [JobState.Waiting] }, 2, 1, 0);
        await AssertListsAsync(new JobFilter { States = [JobState.Succeeded, JobState.Failed] }, 3);
        await AssertListsAsync(new JobFilter { States = [JobState.Waiting, JobState.Succeeded] }, 3, 2, 1, 0);
        await AssertListsAsync(new JobFilter { States = [] });
        await AssertListsAsync(new JobFilter { Queue = "mail" }, 1);
        await AssertListsAsync(new JobFilter { NotQueue = "mail" }, 3, 2, 0);
        await AssertListsAsync(new JobFilter { Name = "a" }, 2, 0);
        await AssertListsAsync(new JobFilter { Contains = "EXAMPLE.ORG/Ä" }, 0);
        await AssertListsAsync(new JobFilter { Contains = "example.org/ä" });
        await AssertListsAsync(new JobFilter { Contains = "%_" }, 2);
        await AssertListsAsync(new JobFilter { Contains = "1_0" });
        await AssertListsAsync(new JobFilter { EnqueuedAfter = start + Minute }, 3, 2, 1);
        await AssertListsAsync(new JobFilter { EnqueuedBefore = start + Minute }, 0);
        await AssertListsAsync(new JobFilter { EnqueuedAfter = start + Millisecond, EnqueuedBefore = start + (2 * Minute) }, 2, 1);
        await AssertListsAsync(new JobFilter { Name = "a", States = [JobState.Waiting], Queue = "mail" });

        // What ended took as long as it took; the others go on.
        Clock.Advance(Minute);
        await AssertListsAsync(new JobFilter { OlderThan = Minute }, 2, 1, 0);
        await AssertListsAsync(new JobFilter { OlderThan = 2 * Minute }, 0);
        await AssertListsAsync(new JobFilter { OlderThan = TimeSpan.Zero }, 2, 1, 0);

        async Task AssertListsAsync(JobFilter filter, params int[] places) =>
            Assert.Equal(places.Select(place => ids[place]), Ids(await ListAsync(filter)));
    }

    [Fact]
    public async Task What_matches_is_cancelled_in_steps_and_nothing_else_is()
    {
        const int count = 3000;
        await EnqueueAsync([.. ManyJobs(count).Select(job => job with { Name = "old", Delay = Minute })]);
        var others = await EnqueueAsync(Job("new"), Job("new") with { Queue = "mail" });
        Assert.Equal(count, await InStepsAsync(Jobs.CancelAsync, new JobFilter { Name = "old" }));
        Assert.Equal(0, await InStepsAsync(Jobs.CancelAsync, new JobFilter { Name = "old" }));
        Assert.Equal([JobState.Waiting, JobState.Waiting], await StatesAsync(others));
        var page = await ListAsync(new JobFilter { States = [JobState.Cancelled] }, limit: 1);
        Assert.Equal((JobErrors.CancelledBeforeItStarted, Now), (page.Jobs[0].Error, page.Jobs[0].EndedAt));
        Assert.Equal(2, (await Jobs.ListQueuesAsync(Cancellation)).Sum(queue => queue.Counts.Sum(state => state.Value)));
    }

    [Fact]
    public async Task Every_state_before_the_end_can_be_cancelled()
    {
        var limited = Job() with { Limit = new JobLimit("site", MaxRunning: 1) };
        var first = await EnqueueAsync(limited, limited, Job() with { Delay = Minute }, Job() with { After = [JobReference.ByIndex(0)] });
        await ClaimAsync();
        long[] ids = [.. first, await EnqueueOneAsync()];
        Assert.Equal([JobState.Running, JobState.Held, JobState.Delayed, JobState.Blocked, JobState.Waiting], await StatesAsync(ids));
        Assert.Equal(5, await InStepsAsync(Jobs.CancelAsync, Everything));
        Assert.Equal(
            [JobState.Running, JobState.Cancelled, JobState.Cancelled, JobState.Cancelled, JobState.Cancelled], await StatesAsync(ids));
        Clock.Advance(Minute);
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task What_did_not_succeed_is_retried_with_all_its_attempts()
    {
        var ids = await EnqueueAsync(
            Job() with { MaxAttempts = 1 }, Job(), Job() with { ExpiresAfter = Second }, Job(), Job() with { Delay = TimeSpan.FromHours(1) });
        var jobs = await ClaimAsync(max: 2);
        await CompleteAsync(jobs[0], JobOutcome.Failed, error: "broken");
        await CompleteAsync(jobs[1], result: "1");
        Clock.Advance(Second);
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, delay: Minute);
        await CancelAsync(ids[4]);
        Assert.Equal(
            [JobState.Failed, JobState.Succeeded, JobState.Expired, JobState.Delayed, JobState.Cancelled], await StatesAsync(ids));

        Assert.Equal(3, await InStepsAsync(Jobs.RetryAsync, Everything));
        Assert.Equal(
            [JobState.Waiting, JobState.Succeeded, JobState.Waiting, JobState.Delayed, JobState.Waiting], await StatesAsync(ids));
        var again = await JobAsync(ids[0]);
        Assert.Equal((0, 1, Now, null, null), (again.Attempt, again.MaxAttempts, again.DueAt, again.StartedAt, again.EndedAt));
        Clock.Advance(TimeSpan.FromDays(1));
        await InStepsAsync(Jobs.CancelAsync, new JobFilter { Ids = [ids[3]] });
        var second = await ClaimAsync();
        Assert.Equal([ids[0], ids[2], ids[4]], Ids(second));
        Assert.Equal(1, second[0].Attempt);
        Assert.True(second[0].Token.Fence > jobs[0].Token.Fence);
        Assert.False(await CompleteAsync(jobs[0]));
    }

    [Fact]
    public async Task Much_is_retried_in_steps()
    {
        const int count = 3000;
        var ids = await EnqueueAsync(ManyJobs(count));
        await CompleteAllAsync(await ClaimAsync(max: count), JobOutcome.Hopeless);
        Assert.Equal(count, await InStepsAsync(Jobs.RetryAsync, new JobFilter { States = [JobState.Failed] }));
        Assert.Equal(ids, Ids(await ClaimAsync(max: count)));
    }

    [Fact]
    public async Task What_does_not_run_is_deleted()
    {
        var limited = Job() with { Limit = new JobLimit("site", MaxRunning: 1) };
        var ids = await EnqueueAsync(limited, limited, Job(), Job() with { Delay = Minute }, Job());
        var jobs = await ClaimAsync(max: 3);
        await CompleteAsync(jobs[1]);
        Assert.Equal(
            [JobState.Running, JobState.Held, JobState.Succeeded, JobState.Delayed, JobState.Running], await StatesAsync(ids));
        Assert.Equal(3, await InStepsAsync(Jobs.DeleteAsync, Everything));
        Assert.Equal([ids[4], ids[0]], Ids(await ListAsync(Everything)));
        Assert.True(await CompleteAsync(jobs[0]));
        Clock.Advance(Minute);
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task Much_is_deleted_in_steps()
    {
        const int count = 3000;
        await EnqueueAsync(ManyJobs(count));
        await CompleteAllAsync(await ClaimAsync(max: count / 2));
        Assert.Equal(count, await InStepsAsync(Jobs.DeleteAsync, new JobFilter { Queue = NewJob.DefaultQueue }));
        Assert.Empty((await ListAsync(Everything)).Jobs);
    }

    [Fact]
    public async Task The_last_lines_of_a_log_are_kept_in_order()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        await LogAsync(job, Line("one", 1), Line("two ✓", 4));
        await CompleteAsync(job, JobOutcome.Failed);
        job = await ClaimOneAsync();
        await LogAsync(job, Line("three", 2) with { Attempt = 2 });
        Assert.Equal([Line("one", 1), Line("two ✓", 4), Line("three", 2) with { Attempt = 2 }], await Jobs.ReadLogAsync(id, 10, Cancellation));
        Assert.Equal([Line("two ✓", 4), Line("three", 2) with { Attempt = 2 }], await Jobs.ReadLogAsync(id, 2, Cancellation));
        Assert.Empty(await Jobs.ReadLogAsync(id + 1, 10, Cancellation));

        await CompleteAsync(job);
        Assert.Equal(3, (await Jobs.ReadLogAsync(id, 10, Cancellation)).Count);
    }

    [Fact]
    public async Task A_log_that_never_ends_keeps_its_last_thousand_lines_cut_to_size()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        for (var report = 0; report < 5; report++)
            await LogAsync(job, [.. Enumerable.Range(report * 300, 300).Select(line => Line($"{line}", 2))]);
        await LogAsync(job, Line(new string('x', 5000), 2));
        var lines = await Jobs.ReadLogAsync(id, 5000, Cancellation);
        Assert.Equal(1000, lines.Count);
        Assert.Equal(("501", new string('x', 2000)), (lines[0].Text, lines[^1].Text));
    }

    [Fact]
    public async Task Queues_are_counted_by_state()
    {
        Assert.Empty(await Jobs.ListQueuesAsync(Cancellation));
        var limited = Job() with { Queue = "b", Limit = new JobLimit("site", MaxRunning: 1) };
        var startedAt = Now;
        await EnqueueAsync(limited, limited, Job() with { Queue = "b", Delay = Minute }, Job() with { Queue = "b", After = [JobReference.ByIndex(0)] });
        Clock.Advance(Second);
        await ClaimAsync();
        await EnqueueAsync(Job() with { Queue = "a" }, Job() with { Queue = "a", Priority = JobPriority.High });
        Clock.Advance(Second);
        await EnqueueAsync(Job() with { Queue = "a", Priority = JobPriority.Low }, Job() with { Queue = "b" });
        await Jobs.PutQueueAsync("c", paused: true, new JobLimit("c", MaxStarts: 5, Per: Minute), Cancellation);

        var queues = await Jobs.ListQueuesAsync(Cancellation);
        Assert.Equal(["a", "b", "c"], queues.Select(queue => queue.Name));
        Assert.Equal([(JobState.Waiting, 3L)], CountsOf(queues[0]));
        Assert.Equal(
            [(JobState.Waiting, 1L), (JobState.Delayed, 1L), (JobState.Held, 1L), (JobState.Blocked, 1L), (JobState.Running, 1L)], CountsOf(queues[1]));
        Assert.Empty(CountsOf(queues[2]));
        Assert.Equal((startedAt + Second, Now, null), (queues[0].OldestDueAt, queues[1].OldestDueAt, queues[2].OldestDueAt));
        Assert.Equal((false, null), (queues[0].IsPaused, queues[0].Limit));
        Assert.Equal((true, new JobLimit("c", MaxStarts: 5, Per: Minute)), (queues[2].IsPaused, queues[2].Limit));

        // Without settings and jobs it is no queue any more.
        await Jobs.PutQueueAsync("c", paused: false, limit: null, Cancellation);
        Assert.Equal(["a", "b"], (await Jobs.ListQueuesAsync(Cancellation)).Select(queue => queue.Name));

        static IEnumerable<(JobState State, long Count)> CountsOf(QueueStatus queue) =>
            queue.Counts.Where(count => count.Value > 0).OrderBy(count => count.Key).Select(count => (count.Key, count.Value));
    }

    [Fact]
    public async Task What_ended_in_the_last_minute_is_counted_with_its_wait()
    {
        await EnqueueAsync(ManyJobs(4));
        Assert.Equal((0L, null), await EndedAsync());
        Clock.Advance(2 * Second);
        await CompleteAllAsync(await ClaimAsync(max: 1));
        Clock.Advance(2 * Second);
        await CompleteAllAsync(await ClaimAsync(max: 1), JobOutcome.Hopeless);
        Assert.Equal((2L, 3 * Second), await EndedAsync());
        Clock.Advance(30 * Second);
        var other = await ClaimOneAsync();
        Assert.Equal((2L, 3 * Second), await EndedAsync());
        await CompleteAsync(other, JobOutcome.Failed);
        Assert.Equal((2L, 3 * Second), await EndedAsync());
        Clock.Advance(Minute);
        Assert.Equal((0L, null), await EndedAsync());

        // A queue that has just run dry is still one.
        Clock.Advance(Second);
        await CompleteAllAsync(await ClaimAsync());
        Assert.Equal(2, (await EndedAsync()).Ended);
        Clock.Advance(2 * Minute);
        Assert.Empty(await Jobs.ListQueuesAsync(Cancellation));

        async Task<(long Ended, TimeSpan? MeanWait)> EndedAsync()
        {
            var queue = await QueueAsync();
            return (queue.EndedLastMinute, queue.MeanWait);
        }
    }

    [Fact]
    public async Task What_ended_is_kept_as_long_as_it_says()
    {
        var ids = await EnqueueAsync(
            Job() with { KeepFor = TimeSpan.FromHours(1) }, Job() with { KeepFor = TimeSpan.FromHours(3) }, Job() with { KeepFor = TimeSpan.Zero }, Job());
        var jobs = await ClaimAsync(max: 3);
        await LogAsync(jobs[0], Line("one", 2));
        await LogAsync(jobs[1], Line("one", 2));
        await CompleteAllAsync(jobs);
        Clock.Advance(TimeSpan.FromHours(1) - Millisecond);
        await PurgeAsync();
        await AssertKnownAsync(true, true, false, true);
        Clock.Advance(TimeSpan.FromHours(1));
        await PurgeAsync();
        await AssertKnownAsync(false, true, false, true);
        Assert.Empty(await Jobs.ReadLogAsync(ids[0], 10, Cancellation));
        Assert.Single(await Jobs.ReadLogAsync(ids[1], 10, Cancellation));

        // What has not ended stays, however old it is.
        Clock.Advance(TimeSpan.FromDays(1000));
        await PurgeAsync();
        await AssertKnownAsync(false, false, false, true);
        Assert.Equal(ids[3], await Jobs.LastIdAsync(Cancellation));

        async Task AssertKnownAsync(params bool[] known)
        {
            for (var place = 0; place < ids.Length; place++)
                Assert.Equal((place, known[place]), (place, await Jobs.FindAsync(ids[place], Cancellation) is not null));
        }
    }

    [Fact]
    public async Task Much_that_ended_goes_in_bounded_steps()
    {
        const int count = 6000;
        await EnqueueAsync([.. ManyJobs(count).Select(job => job with { KeepFor = Minute })]);
        var jobs = await ClaimAsync(max: count);
        await LogAsync(jobs[0], [.. Enumerable.Range(0, 1000).Select(line => Line($"{line}", 2))]);
        await CompleteAllAsync(jobs);
        Clock.Advance(TimeSpan.FromHours(1));
        var removed = 0;
        for (var more = true; more;)
        {
            var step = await Store.PurgeStepAsync(Cancellation);
            Assert.InRange(step.Removed, 0, LargestStep);
            removed += step.Removed;
            more = step.More;
        }

        Assert.InRange(removed, count + 1000, int.MaxValue);
        Assert.Empty((await ListAsync(Everything)).Jobs);
        Assert.Empty(await Jobs.ReadLogAsync(jobs[0].Token.Id, 10, Cancellation));
    }

    private static JobLogLine Line(string text, int level) => new(DateTimeOffset.UnixEpoch.AddDays(20_000), 1, level, text);

    private async Task LogAsync(ClaimedJob job, params JobLogLine[] lines) =>
        Assert.Empty((await Jobs.ReportAsync([new JobReport(job.Token, Progress: null, Message: null, lines)], Cancellation)).Lost);

    private Task<JobPage> ListAsync(JobFilter filter, int limit = 100) => Jobs.ListAsync(filter, before: null, limit, Cancellation);

    /// <summary>Takes steps until there are no more, and returns how many jobs were changed.</summary>
    private async Task<int> InStepsAsync(Func<JobFilter, long?, CancellationToken, Task<JobStep>> change, JobFilter filter)
    {
        var changed = 0;
        for (long? before = null; ;)
        {
            var step = await change(filter, before, Cancellation);
            Assert.InRange(step.Changed, 0, JobPage.MostLookedAt);
            changed += step.Changed;
            if (step.ScannedTo is not { } scannedTo)
                return changed;
            Assert.True(before is null || scannedTo < before);
            before = scannedTo;
        }
    }
}
