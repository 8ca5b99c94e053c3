using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>What jobs of one key, or of one queue, may do together.</summary>
public abstract class JobLimitTests(StoreHome home) : JobSuite(home)
{
    private static readonly NewJob TwoAtOnce = Job() with { Limit = new JobLimit("site", MaxRunning: 2) };
    private static readonly NewJob ThreeAMinute = Job() with { Limit = new JobLimit("site", MaxStarts: 3, Per: Minute) };

    [Fact]
    public async Task Of_one_key_no_more_run_at_once_than_may_over_all_owners()
    {
        var ids = await EnqueueAsync([.. Enumerable.Repeat(TwoAtOnce, 5)]);
        var first = await ClaimOneAsync("node-1");
        var second = Assert.Single(await ClaimAsync(owner: "node-2"));
        Assert.Equal([ids[0], ids[1]], Ids([first, second]));
        Assert.Empty(await ClaimAsync(owner: "node-3"));
        Assert.Equal([JobState.Held, JobState.Held, JobState.Held], await StatesAsync(ids[2..]));
        Assert.False((await TryClaimAsync()).More);

        await CompleteAsync(second);
        Assert.Equal([ids[2]], Ids(await ClaimAsync(owner: "node-3")));
    }

    [Fact]
    public async Task Held_jobs_start_in_order_as_others_end()
    {
        var one = Job() with { Limit = new JobLimit("site", MaxRunning: 1) };
        var ids = await EnqueueAsync(one, one, one with { Priority = JobPriority.Low }, one with { Priority = JobPriority.High }, one);
        var started = new List<long>();
        for (var time = 0; time < ids.Length; time++)
        {
            var job = Assert.Single(await ClaimAsync());
            started.Add(job.Token.Id);
            Assert.True(await CompleteAsync(job));
        }

        Assert.Equal([ids[3], ids[0], ids[1], ids[4], ids[2]], started);
    }

    [Fact]
    public async Task Other_keys_and_jobs_without_a_limit_are_not_in_the_way()
    {
        var other = Job() with { Limit = new JobLimit("other", MaxRunning: 1) };
        await EnqueueAsync([.. Enumerable.Repeat(TwoAtOnce with { Priority = JobPriority.High }, 1000)]);
        var ids = await EnqueueAsync(Job(), other, other);
        var started = new List<long>();
        for (var more = true; more;)
        {
            var claims = await TryClaimAsync(max: 10);
            started.AddRange(Ids(claims.Jobs));
            more = claims.More;
        }

        Assert.Equal(4, started.Count);
        Assert.Equal([ids[0], ids[1]], started.Where(id => id >= ids[0]));
    }

    [Fact]
    public async Task Every_way_out_of_running_makes_room()
    {
        var one = Job() with { Limit = new JobLimit("site", MaxRunning: 1), MaxAttempts = 2 };
        await EnqueueAsync([.. Enumerable.Repeat(one, 6)]);
        await CompleteAsync(Assert.Single(await ClaimAsync()), JobOutcome.Failed, delay: TimeSpan.FromHours(1));
        await CompleteAsync(Assert.Single(await ClaimAsync()), JobOutcome.Returned, delay: TimeSpan.FromHours(1));
        await CompleteAsync(Assert.Single(await ClaimAsync()), JobOutcome.Hopeless);
        var asked = Assert.Single(await ClaimAsync());
        await CancelAsync(asked.Token.Id);
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(asked, JobOutcome.Cancelled);
        var lost = Assert.Single(await ClaimAsync());
        await RescueAsync();
        Assert.Equal([lost.Token.Id], Ids(await ClaimAsync()));
        await RescueAsync();
        Assert.Equal(JobState.Failed, await StateAsync(lost.Token.Id));
        Assert.Single(await ClaimAsync());
    }

    [Fact]
    public async Task A_released_job_that_is_cancelled_makes_room_for_the_next()
    {
        var one = Job() with { Limit = new JobLimit("site", MaxRunning: 1) };
        var ids = await EnqueueAsync(one, one, one, one);
        var first = Assert.Single(await ClaimAsync());
        await CompleteAsync(first);
        await CancelAsync(ids[1]);
        await DeleteAsync(ids[2]);
        Assert.Equal([ids[3]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_released_job_that_nobody_claims_keeps_no_other_queue_waiting()
    {
        var one = Job() with { Limit = new JobLimit("site", MaxRunning: 1) };
        var ids = await EnqueueAsync(one, one with { Queue = "a-paused" }, one, one with { Queue = "a-paused" }, one);
        var first = await ClaimOneAsync();
        Assert.Empty(await ClaimAsync());
        await Jobs.PutQueueAsync("a-paused", paused: true, limit: null, Cancellation);
        await CompleteAsync(first);
        foreach (var id in (long[])[ids[2], ids[4]])
        {
            var next = Assert.Single(await ClaimAsync());
            Assert.Equal(id, next.Token.Id);
            await CompleteAsync(next);
        }

        await Jobs.PutQueueAsync("a-paused", paused: false, limit: null, Cancellation);
        Assert.Equal([ids[1]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Limits_hold_under_concurrent_claims_and_ends()
    {
        const int workers = 8;
        const int each = 15;
        await EnqueueAsync([.. Enumerable.Repeat(TwoAtOnce, workers * each)]);
        var running = 0;
        var most = 0;
        var done = 0;
        await Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(async () =>
        {
            while (Volatile.Read(ref done) < workers * each)
            {
                foreach (var job in await ClaimAsync(max: 1, owner: $"node-{worker}"))
                {
                    var now = Interlocked.Increment(ref running);
                    InterlockedMax(ref most, now);
                    await Task.Yield();

                    // Down before the end is told: after it another may start at any moment.
                    Interlocked.Decrement(ref running);
                    Assert.True(await CompleteAsync(job));
                    Interlocked.Increment(ref done);
                }
            }
        })));
        Assert.Equal(workers * each, done);
        Assert.InRange(most, 1, 2);

        static void InterlockedMax(ref int most, int value)
        {
            for (var seen = Volatile.Read(ref most); value > seen;)
            {
                var before = Interlocked.CompareExchange(ref most, value, seen);
                if (before == seen)
                    return;
                seen = before;
            }
        }
    }

    [Fact]
    public async Task What_a_limit_counts_goes_on_over_a_restart()
    {
        var ids = await EnqueueAsync([.. Enumerable.Repeat(TwoAtOnce, 4)]);
        var jobs = await ClaimAsync();
        Assert.Equal(2, jobs.Count);
        await ReopenAsync();
        Assert.Empty(await ClaimAsync());
        await CompleteAllAsync(jobs);
        await ReopenAsync();
        Assert.Equal(ids[2..], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task No_more_start_within_a_period_than_may_and_the_claim_says_when_the_next_may()
    {
        var ids = await EnqueueAsync([.. Enumerable.Repeat(ThreeAMinute, 5)]);
        var startedAt = Now;
        var claims = await TryClaimAsync();
        Assert.Equal(ids[..3], Ids(claims.Jobs));
        Assert.Equal(startedAt + Minute, claims.NextDueAt);
        Assert.Equal([JobState.Held, JobState.Held], await StatesAsync(ids[3..]));
        claims = await TryClaimAsync();
        Assert.Equal((0, false, startedAt + Minute), (claims.Jobs.Count, claims.More, claims.NextDueAt));
        Clock.Advance(Minute - Millisecond);

        // Nor may one that comes just now.
        var late = await EnqueueOneAsync(ThreeAMinute with { Priority = JobPriority.High });
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Millisecond);
        Assert.Equal([late, .. ids[3..]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_period_is_any_stretch_of_that_length()
    {
        // A counter per minute, or a bucket that refills, would let six start around a minute's end.
        await EnqueueAsync([.. Enumerable.Repeat(ThreeAMinute, 20)]);
        var starts = new List<DateTimeOffset>();
        var step = TimeSpan.FromSeconds(7);
        for (var time = 0; time < 60; time++)
        {
            // Up to two at a time, so that the starts spread.
            starts.AddRange((await ClaimAsync(max: 2)).Select(_ => Now));
            Clock.Advance(step);
        }

        Assert.Equal(20, starts.Count);
        Assert.All(starts, start => Assert.InRange(starts.Count(other => other > start - Minute && other <= start), 1, 3));
    }

    [Fact]
    public async Task Ends_and_failures_do_not_give_starts_back()
    {
        await EnqueueAsync([.. Enumerable.Repeat(ThreeAMinute, 3)]);
        var jobs = await ClaimAsync();
        await CompleteAllAsync(jobs, JobOutcome.Failed);
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Minute);
        Assert.Equal(3, (await ClaimAsync()).Count);
    }

    [Fact]
    public async Task Starts_are_remembered_over_a_restart_and_a_purge()
    {
        await EnqueueAsync([.. Enumerable.Repeat(ThreeAMinute, 4)]);
        await CompleteAllAsync(await ClaimAsync());
        Clock.Advance(Minute - Millisecond);
        await PurgeAsync();
        await ReopenAsync();
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Millisecond);
        Assert.Single(await ClaimAsync());
    }

    [Fact]
    public async Task A_key_may_have_both_limits()
    {
        var job = Job() with { Limit = new JobLimit("site", MaxRunning: 1, MaxStarts: 2, Per: Minute) };
        await EnqueueAsync(job, job, job, job);
        await CompleteAsync(Assert.Single(await ClaimAsync()));
        Clock.Advance(Second);
        await CompleteAsync(Assert.Single(await ClaimAsync()));
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Minute - Second);
        var running = Assert.Single(await ClaimAsync());
        Clock.Advance(Second);
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(running);
        Assert.Single(await ClaimAsync());
    }

    [Fact]
    public async Task A_rate_goes_on_for_what_was_cancelled_or_retried_meanwhile()
    {
        var ids = await EnqueueAsync([.. Enumerable.Repeat(ThreeAMinute, 8)]);
        Assert.Equal(3, (await ClaimAsync()).Count);
        await CancelAsync(ids[3], ids[4]);
        Clock.Advance(Minute);
        await CancelAsync(ids[5]);
        await RetryAsync(ids[4]);
        Assert.Equal([ids[4], ids[6], ids[7]], Ids(await ClaimAsync()));
        await RetryAsync(ids[3]);
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Minute);
        Assert.Equal([ids[3]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_queue_has_a_limit_of_its_own()
    {
        await Jobs.PutQueueAsync("mail", paused: false, new JobLimit("mail", MaxRunning: 2), Cancellation);
        Assert.Equal(new JobLimit("mail", MaxRunning: 2), (await QueueAsync("mail")).Limit);
        var ids = await EnqueueAsync([.. Enumerable.Repeat(Job() with { Queue = "mail" }, 4), Job()]);
        var jobs = await ClaimAsync(queue: "mail");
        Assert.Equal(ids[..2], Ids(jobs));
        Assert.Equal([ids[4]], Ids(await ClaimAsync()));
        Assert.False((await TryClaimAsync()).More);
        Assert.Equal([JobState.Waiting, JobState.Waiting], await StatesAsync(ids[2..4]));
        await ReopenAsync();
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(jobs[0]);
        Assert.Equal([ids[2]], Ids(await ClaimAsync()));
        await CompleteAsync(jobs[1], JobOutcome.Failed, delay: Minute);
        Assert.Equal([ids[3]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_queues_limit_counts_what_ran_before_it_was_set_and_ends_with_it()
    {
        await EnqueueAsync(ManyJobs(5));
        var jobs = await ClaimAsync(max: 2);
        await PutLimitAsync(new JobLimit(NewJob.DefaultQueue, MaxRunning: 2));
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(jobs[0]);
        Assert.Single(await ClaimAsync());
        Assert.Empty(await ClaimAsync());
        await PutLimitAsync(new JobLimit(NewJob.DefaultQueue, MaxRunning: 3));
        Assert.Single(await ClaimAsync());
        Assert.Empty(await ClaimAsync());
        await PutLimitAsync(limit: null);
        Assert.Single(await ClaimAsync());

        Task PutLimitAsync(JobLimit? limit) => Jobs.PutQueueAsync(NewJob.DefaultQueue, paused: false, limit, Cancellation);
    }

    [Fact]
    public async Task A_queues_starts_within_a_period_are_limited_too()
    {
        await Jobs.PutQueueAsync("mail", paused: false, new JobLimit("mail", MaxStarts: 2, Per: Minute), Cancellation);
        await EnqueueAsync([.. Enumerable.Repeat(Job() with { Queue = "mail" }, 5)]);
        var startedAt = Now;
        var claims = await TryClaimAsync();
        Assert.Equal((2, startedAt + Minute), (claims.Jobs.Count, claims.NextDueAt));
        await CompleteAllAsync(claims.Jobs);
        claims = await TryClaimAsync();
        Assert.Equal((0, startedAt + Minute), (claims.Jobs.Count, claims.NextDueAt));
        Clock.Advance(Minute - Millisecond);
        Assert.Empty(await ClaimAsync());
        Clock.Advance(Millisecond);
        Assert.Equal(2, (await ClaimAsync()).Count);
    }

    [Fact]
    public async Task A_jobs_limit_and_a_queues_limit_of_the_same_key_do_not_meet()
    {
        await Jobs.PutQueueAsync("mail", paused: false, new JobLimit("mail", MaxRunning: 3), Cancellation);
        await EnqueueAsync([.. Enumerable.Repeat(Job() with { Queue = "mail", Limit = new JobLimit("mail", MaxRunning: 2) }, 4)]);
        await EnqueueAsync([.. Enumerable.Repeat(Job() with { Queue = "mail" }, 4)]);
        var jobs = await ClaimAsync(max: 10);
        Assert.Equal(3, jobs.Count);
        await CompleteAsync(jobs[0]);
        Assert.Single(await ClaimAsync());
    }
}
