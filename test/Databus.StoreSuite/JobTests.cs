using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>From the enqueuing to the start.</summary>
public abstract class JobTests(StoreHome home) : JobSuite(home)
{
    [Fact]
    public async Task A_job_is_there_as_it_was_enqueued()
    {
        var job = Job("mail.send", """{"to":"Ünal 🚀"}""") with { Queue = "mail", Priority = JobPriority.High, MaxAttempts = 3 };
        var id = await EnqueueOneAsync(job);
        var status = await JobAsync(id);
        Assert.Equal((id, "mail.send", "mail", JobPriority.High, JobState.Waiting), (status.Id, status.Name, status.Queue, status.Priority, status.State));
        Assert.Equal("""{"to":"Ünal 🚀"}""", Text(status.Arguments));
        Assert.Equal((0, 3, Now, Now), (status.Attempt, status.MaxAttempts, status.EnqueuedAt, status.DueAt));
        Assert.Equal((null, null, null), (status.StartedAt, status.EndedAt, status.Owner));
        Assert.Equal((null, null, null, null), (status.Result, status.Error, status.Progress, status.Message));
        Assert.False(status.IsCancelRequested);
    }

    [Fact]
    public async Task A_start_carries_what_the_worker_needs()
    {
        const string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        var id = await EnqueueOneAsync(Job("mail.send", """{"to":"a"}""") with { Queue = "mail", MaxAttempts = 3, TraceParent = trace });
        var enqueuedAt = Now;
        Clock.Advance(Minute);
        var job = await ClaimOneAsync();
        Assert.Equal((id, "mail.send", "mail", """{"to":"a"}"""), (job.Token.Id, job.Name, job.Queue, Text(job.Arguments)));
        Assert.Equal((1, 3, enqueuedAt, enqueuedAt, trace), (job.Attempt, job.MaxAttempts, job.EnqueuedAt, job.DueAt, job.TraceParent));

        var status = await JobAsync(id);
        Assert.Equal((JobState.Running, 1, Now, Node), (status.State, status.Attempt, status.StartedAt, status.Owner));
    }

    [Fact]
    public async Task Ids_grow_in_the_order_of_one_call_and_the_largest_is_known()
    {
        Assert.Equal(0, await Jobs.LastIdAsync(Cancellation));
        var first = await EnqueueAsync(ManyJobs(3));
        var second = await EnqueueAsync(ManyJobs(2));
        long[] all = [.. first, .. second];
        Assert.Equal(all.Order(), all);
        Assert.Equal(5, all.Distinct().Count());
        Assert.Equal(all[^1], await Jobs.LastIdAsync(Cancellation));

        // Also when it is gone.
        await DeleteAsync(all);
        Assert.Equal(all[^1], await Jobs.LastIdAsync(Cancellation));
        Assert.Null(await Jobs.FindAsync(all[^1], Cancellation));
        await ReopenAsync();
        Assert.Equal(all[^1], await Jobs.LastIdAsync(Cancellation));
        Assert.True(await EnqueueOneAsync() > all[^1]);
    }

    [Fact]
    public async Task An_enqueuing_of_nothing_does_nothing() => Assert.Empty(await TryEnqueueAsync());

    [Fact]
    public async Task Nobody_knows_an_id_that_was_never_given() => Assert.Null(await Jobs.FindAsync(1, Cancellation));

    [Fact]
    public async Task The_higher_priority_starts_first_and_within_it_the_older_job()
    {
        var low = await EnqueueOneAsync(Job() with { Priority = JobPriority.Low });
        var normal = await EnqueueAsync(ManyJobs(2));
        var high = await EnqueueAsync(Job() with { Priority = JobPriority.High }, Job() with { Priority = JobPriority.High });
        Assert.Equal([high[0], high[1], normal[0]], Ids(await ClaimAsync(max: 3)));
        Assert.Equal([normal[1], low], Ids(await ClaimAsync(max: 3)));
    }

    [Fact]
    public async Task Priority_and_age_hold_over_several_queues()
    {
        var first = await EnqueueOneAsync(Job() with { Queue = "b" });
        var second = await EnqueueOneAsync(Job() with { Queue = "a" });
        var third = await EnqueueOneAsync(Job() with { Queue = "b" });
        var urgent = await EnqueueOneAsync(Job() with { Queue = "a", Priority = JobPriority.High });
        Assert.Equal([urgent, first, second], Ids(await ClaimAsync(max: 3)));
        Assert.Equal([third], Ids(await ClaimAsync(max: 3)));
    }

    [Fact]
    public async Task A_start_is_given_once()
    {
        await EnqueueAsync(ManyJobs(100));
        var claims = await Task.WhenAll(Enumerable.Range(0, 20).Select(worker => ClaimAsync(max: 7, owner: $"node-{worker}")));
        Assert.Equal(100, Ids(claims.SelectMany(jobs => jobs)).Distinct().Count());
        Assert.Equal(100, claims.Sum(jobs => jobs.Count));
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task Only_the_queues_asked_for_give_jobs()
    {
        var ids = await EnqueueAsync(Job() with { Queue = "a" }, Job() with { Queue = "b" }, Job() with { Queue = "c" });
        var claims = await Jobs.ClaimAsync(new JobClaim(Node, ["c", "a", "unknown"], 10), Cancellation);
        Assert.Equal([ids[0], ids[2]], Ids(claims.Jobs));
        Assert.Equal([JobState.Running, JobState.Waiting, JobState.Running], await StatesAsync(ids));
    }

    [Fact]
    public async Task Queues_that_are_passed_over_give_no_jobs()
    {
        var ids = await EnqueueAsync(
            Job() with { Queue = "a" }, Job() with { Queue = "b" }, Job() with { Queue = "b", Delay = TimeSpan.FromMinutes(1) }, Job() with { Queue = "c" });
        Assert.Equal([ids[0], ids[3]], Ids((await Jobs.ClaimAsync(new JobClaim(Node, Queues: null, 10) { Without = ["b"] }, Cancellation)).Jobs));
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Empty((await Jobs.ClaimAsync(new JobClaim(Node, Queues: null, 10) { Without = ["b"] }, Cancellation)).Jobs);
        Assert.Empty((await Jobs.ClaimAsync(new JobClaim(Node, ["b"], 10) { Without = ["b"] }, Cancellation)).Jobs);
        Assert.Equal([ids[1], ids[2]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Only_the_names_asked_for_give_jobs()
    {
        var ids = await EnqueueAsync([.. Enumerable.Repeat(Job("other"), 300), Job("mine"), Job("other"), Job("mine")]);
        var claims = await Jobs.ClaimAsync(new JobClaim(Node, Queues: null, 10) { Names = ["mine", "unknown"] }, Cancellation);
        Assert.Equal([ids[300], ids[302]], Ids(claims.Jobs));
        Assert.Equal(301, (await QueueAsync()).Counts[JobState.Waiting]);
    }

    [Fact]
    public async Task A_claim_says_whether_there_is_more()
    {
        Assert.Equal((0, false, null), await ClaimedAsync(max: 2));
        await EnqueueAsync(ManyJobs(3));
        Assert.Equal((2, true, null), await ClaimedAsync(max: 2));
        Assert.Equal((1, false, null), await ClaimedAsync(max: 2));

        async Task<(int, bool, DateTimeOffset?)> ClaimedAsync(int max)
        {
            var claims = await TryClaimAsync(max);
            return (claims.Jobs.Count, claims.More, claims.NextDueAt);
        }
    }

    [Fact]
    public async Task A_claim_of_large_arguments_stays_bounded()
    {
        var large = $"\"{new string('x', 3 << 20)}\"";
        await EnqueueAsync([.. Enumerable.Repeat(Job(arguments: large), 5)]);
        var claimed = 0;
        for (var more = true; more;)
        {
            var claims = await TryClaimAsync();
            Assert.InRange(claims.Jobs.Sum(job => job.Arguments.Length), large.Length, (8 << 20) + large.Length);
            claimed += claims.Jobs.Count;
            more = claims.More;
        }

        Assert.Equal(5, claimed);
    }

    [Fact]
    public async Task A_delayed_job_starts_when_it_is_due_and_the_claim_before_says_when()
    {
        var id = await EnqueueOneAsync(Job() with { Delay = Minute });
        Assert.Equal((JobState.Delayed, Now + Minute), ((await JobAsync(id)).State, (await JobAsync(id)).DueAt));
        Clock.Advance(Minute - Millisecond);
        var claims = await TryClaimAsync();
        Assert.Equal((0, false, Now + Millisecond), (claims.Jobs.Count, claims.More, claims.NextDueAt));
        Clock.Advance(Millisecond);
        var job = await ClaimOneAsync();
        Assert.Equal((id, Now), (job.Token.Id, job.DueAt));
        Assert.Null((await TryClaimAsync()).NextDueAt);
    }

    [Fact]
    public async Task Of_due_time_and_delay_the_later_holds_and_what_is_past_is_now()
    {
        var ids = await EnqueueAsync(
            Job() with { DueAt = Now + Second, Delay = Minute },
            Job() with { DueAt = Now + Minute, Delay = Second },
            Job() with { DueAt = Now - Minute });
        Assert.Equal([JobState.Delayed, JobState.Delayed, JobState.Waiting], await StatesAsync(ids));
        Assert.Equal((Now + Minute, Now + Minute, Now), ((await JobAsync(ids[0])).DueAt, (await JobAsync(ids[1])).DueAt, (await JobAsync(ids[2])).DueAt));
    }

    [Fact]
    public async Task What_became_due_is_as_old_as_when_it_was_enqueued()
    {
        var delayed = await EnqueueOneAsync(Job() with { Delay = Second });
        var waiting = await EnqueueOneAsync();
        Clock.Advance(Second);
        Assert.Equal([delayed, waiting], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Many_delayed_jobs_come_due_at_once()
    {
        const int count = 2500;
        await EnqueueAsync([.. Enumerable.Repeat(Job() with { Delay = Second }, count)]);
        Clock.Advance(Second);
        var started = 0;
        for (var more = true; more;)
        {
            var claims = await TryClaimAsync(max: 700);
            Assert.True(claims.Jobs.Count > 0 || !claims.More);
            started += claims.Jobs.Count;
            more = claims.More;
        }

        Assert.Equal(count, started);
    }

    [Fact]
    public async Task What_is_not_started_in_time_expires()
    {
        var ids = await EnqueueAsync(Job() with { ExpiresAfter = Minute }, Job() with { Delay = Minute, ExpiresAfter = Minute }, Job());
        Clock.Advance(Minute);
        Assert.Equal([ids[1], ids[2]], Ids(await ClaimAsync()));
        Assert.Equal((JobState.Expired, JobErrors.NotStartedInTime), await EndOfAsync(ids[0]));
        Assert.Equal((0, Now, null), ((await JobAsync(ids[0])).Attempt, (await JobAsync(ids[0])).EndedAt, (await JobAsync(ids[0])).StartedAt));
    }

    [Fact]
    public async Task What_is_started_a_moment_before_is_in_time()
    {
        var id = await EnqueueOneAsync(Job() with { ExpiresAfter = Minute });
        Clock.Advance(Minute - Millisecond);
        Assert.Equal([id], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task What_was_started_once_does_not_expire_any_more()
    {
        var id = await EnqueueOneAsync(Job() with { ExpiresAfter = Minute });
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, delay: 2 * Minute);
        Clock.Advance(3 * Minute);
        Assert.Equal([id], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Many_that_expired_do_not_hide_what_has_not()
    {
        await EnqueueAsync([.. Enumerable.Repeat(Job() with { ExpiresAfter = Minute, Priority = JobPriority.High }, 5000)]);
        var id = await EnqueueOneAsync();
        Clock.Advance(Minute);
        var started = new List<long>();
        for (var more = true; more;)
        {
            var claims = await TryClaimAsync(max: 1);
            started.AddRange(Ids(claims.Jobs));
            more = claims.More;
        }

        Assert.Equal([id], started);
        Assert.Equal([JobState.Running], (await QueueAsync()).Counts.Where(count => count.Value > 0).Select(count => count.Key));
    }

    [Fact]
    public async Task A_paused_queue_gives_nothing_until_it_is_resumed()
    {
        var ids = await EnqueueAsync(Job() with { Queue = "a" }, Job() with { Queue = "b" });
        await Jobs.PutQueueAsync("a", paused: true, limit: null, Cancellation);
        Assert.True((await QueueAsync("a")).IsPaused);
        Assert.Equal([ids[1]], Ids(await ClaimAsync()));
        Assert.False((await TryClaimAsync()).More);
        Assert.Empty(await ClaimAsync(queue: "a"));
        await ReopenAsync();
        Assert.Empty(await ClaimAsync(queue: "a"));

        await Jobs.PutQueueAsync("a", paused: false, limit: null, Cancellation);
        Assert.Equal([ids[0]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task What_runs_in_a_queue_that_is_paused_comes_to_its_end()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        await Jobs.PutQueueAsync(NewJob.DefaultQueue, paused: true, limit: null, Cancellation);
        Assert.True(await CompleteAsync(job));
        Assert.Equal(JobState.Succeeded, await StateAsync(id));
    }

    [Fact]
    public async Task Who_waits_for_a_queue_is_told_of_what_may_have_become_claimable()
    {
        var told = new List<string?>();
        Jobs.Claimable = queue =>
        {
            lock (told)
                told.Add(queue);
        };
        await EnqueueAsync(Job() with { Queue = "a" }, Job() with { Queue = "b" });
        AssertTold("a", "b");
        await EnqueueOneAsync(Job() with { Queue = "later", Delay = Minute });
        AssertTold("later");
        await CompleteAsync((await ClaimAsync(queue: "a"))[0], JobOutcome.Failed);
        AssertTold("a");
        var ids = await EnqueueAsync(Job() with { Queue = "c" }, Job() with { Queue = "d", After = [JobReference.ByIndex(0)] });
        AssertTold("c");
        await CompleteAsync((await ClaimAsync(queue: "c"))[0]);
        AssertTold("d");
        await CancelAsync(ids[1]);
        await RetryAsync(ids[1]);
        AssertTold("d");
        await Jobs.PutQueueAsync("e", paused: false, limit: null, Cancellation);
        AssertTold("e");

        void AssertTold(params string[] queues)
        {
            lock (told)
            {
                Assert.All(queues, queue => Assert.True(told.Contains(queue) || told.Contains(null), $"Nobody was told of {queue}."));
                told.Clear();
            }
        }
    }

    [Fact]
    public async Task Jobs_go_on_over_a_restart_in_every_state()
    {
        var ids = await EnqueueAsync(
            Job(), Job(), Job() with { Delay = Minute }, Job() with { After = [JobReference.ByIndex(0)] }, Job() with { Priority = JobPriority.High });
        var ended = await ClaimOneAsync();
        await CompleteAsync(ended, result: "1");
        var running = await ClaimOneAsync();
        await ReopenAsync();
        Assert.Equal([JobState.Running, JobState.Waiting, JobState.Delayed, JobState.Blocked, JobState.Succeeded], await StatesAsync(ids));
        Assert.True(await CompleteAsync(running));
        Assert.False(await CompleteAsync(running));
        Clock.Advance(Minute);
        Assert.Equal([ids[1], ids[2], ids[3]], Ids(await ClaimAsync()));
    }
}
