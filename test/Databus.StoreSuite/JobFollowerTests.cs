using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>Jobs that come after others: chains, groups, and what follows when all have ended.</summary>
public abstract class JobFollowerTests(StoreHome home) : JobSuite(home)
{
    [Fact]
    public async Task A_chain_goes_one_by_one()
    {
        var ids = await EnqueueAsync(Job(), After(0), After(1));
        for (var place = 0; place < 3; place++)
        {
            Assert.All(await StatesAsync(ids[(place + 1)..]), state => Assert.Equal(JobState.Blocked, state));
            var job = Assert.Single(await ClaimAsync());
            Assert.Equal(ids[place], job.Token.Id);
            Clock.Advance(Second);
            await CompleteAsync(job);
        }

        Assert.Equal(Now - Second, (await JobAsync(ids[2])).DueAt);
    }

    [Fact]
    public async Task A_chain_may_be_made_of_jobs_that_are_there_already()
    {
        var first = await EnqueueOneAsync();
        var running = await ClaimOneAsync();
        var second = await EnqueueOneAsync(AfterId(first));
        Assert.Equal(JobState.Blocked, await StateAsync(second));
        await ReopenAsync();
        await CompleteAsync(running);
        Assert.Equal([second], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task What_follows_a_group_starts_when_all_of_it_has_ended()
    {
        var ids = await EnqueueAsync(Job(), Job(), Job(), After(0, 1, 2, 2));
        var jobs = await ClaimAsync();
        Assert.Equal(ids[..3], Ids(jobs));
        await CompleteAsync(jobs[2]);
        await CompleteAsync(jobs[0]);
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(jobs[1], JobOutcome.Failed);
        Assert.Equal(JobState.Blocked, await StateAsync(ids[3]));
        await CompleteAsync(Assert.Single(await ClaimAsync()));
        Assert.Equal([ids[3]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_group_that_ends_in_one_step_lets_its_follower_start_once()
    {
        var ids = await EnqueueAsync(Job(), Job(), After(0, 1), After(0, 1));
        await CompleteAllAsync(await ClaimAsync());
        Assert.Equal(ids[2..], Ids(await ClaimAsync()));
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task Any_number_may_come_after_one()
    {
        const int count = 20_000;
        var first = await EnqueueOneAsync();
        var second = await EnqueueOneAsync();
        var followers = await EnqueueAsync(
            [.. Enumerable.Range(0, count).Select(place => Job() with { After = place % 2 == 0 ? [JobReference.ById(first)] : [JobReference.ById(first), JobReference.ById(second)] })]);
        var jobs = await ClaimAsync(max: 2);
        await CompleteAsync(jobs[0]);
        Assert.Equal((count / 2, count / 2), await CountsAsync());
        await CompleteAsync(jobs[1]);
        Assert.Equal((count, 0), await CountsAsync());
        Assert.Equal([followers[0], followers[1]], Ids(await ClaimAsync(max: 2)));

        async Task<(long, long)> CountsAsync() => (await QueueAsync()).Counts is var counts
            ? (counts.GetValueOrDefault(JobState.Waiting), counts.GetValueOrDefault(JobState.Blocked))
            : default;
    }

    [Fact]
    public async Task One_that_does_not_succeed_cancels_what_follows_and_what_follows_that()
    {
        var ids = await EnqueueAsync(Job(), Job(), After(0, 1), After(2), After(3), After(1));
        var changes = 0;
        var jobs = await ClaimAsync();
        Jobs.Changed = () => Interlocked.Increment(ref changes);
        await CompleteAsync(jobs[0], JobOutcome.Hopeless);
        Assert.NotEqual(0, changes);
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(ids[0])), await EndOfAsync(ids[2]));
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(ids[2])), await EndOfAsync(ids[3]));
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(ids[3])), await EndOfAsync(ids[4]));
        Assert.Equal(JobState.Blocked, await StateAsync(ids[5]));
        await CompleteAsync(jobs[1]);
        Assert.Equal([ids[5]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task After_any_end_it_starts_however_the_others_ended()
    {
        var ids = await EnqueueAsync(
            Job(), Job() with { Delay = Minute }, Job() with { ExpiresAfter = Second, Queue = "other" }, After(0, 1, 2) with { AfterAnyEnd = true }, After(0));
        await CompleteAsync((await ClaimAsync(queue: NewJob.DefaultQueue))[0], JobOutcome.Hopeless);
        await CancelAsync(ids[1]);
        Assert.Equal(JobState.Blocked, await StateAsync(ids[3]));
        Clock.Advance(Second);
        Assert.Equal([ids[3]], Ids(await Claim2Async()));
        Assert.Equal(
            [JobState.Failed, JobState.Cancelled, JobState.Expired, JobState.Running, JobState.Cancelled], await StatesAsync(ids));

        // What expires in a claim may let others start only in the next one.
        async Task<IEnumerable<ClaimedJob>> Claim2Async() => [.. await ClaimAsync(), .. await ClaimAsync()];
    }

    [Fact]
    public async Task What_is_cancelled_in_a_chain_goes_on_after_any_end()
    {
        var ids = await EnqueueAsync(Job(), After(0), After(1) with { AfterAnyEnd = true });
        await CancelAsync(ids[0]);
        Assert.Equal([ids[2]], Ids(await ClaimAsync()));
        Assert.Equal(JobState.Cancelled, await StateAsync(ids[1]));
    }

    [Fact]
    public async Task What_ended_well_or_is_not_known_is_not_waited_for()
    {
        var first = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync());
        var ids = await EnqueueAsync(AfterId(first), AfterId(first + 1000), AfterId(0));
        Assert.Equal(ids, Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task What_ended_without_success_cancels_also_who_comes_later()
    {
        var first = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Hopeless);
        var ids = await EnqueueAsync(AfterId(first), After(0), AfterId(first) with { AfterAnyEnd = true });
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(first)), await EndOfAsync(ids[0]));
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(ids[0])), await EndOfAsync(ids[1]));
        Assert.Equal([ids[2]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_place_whose_job_was_not_added_means_the_job_that_is_there()
    {
        var unique = Job() with { UniqueKey = "report" };
        var first = await EnqueueOneAsync(unique);
        var outcomes = await TryEnqueueAsync(unique, After(0));
        Assert.Equal((first, false), (outcomes[0].Id, outcomes[0].Added));
        Assert.Equal(JobState.Blocked, await StateAsync(outcomes[1].Id));
        await CompleteAsync(await ClaimOneAsync());
        Assert.Equal([outcomes[1].Id], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task Delay_and_expiry_count_from_when_it_may_start_first()
    {
        var ids = await EnqueueAsync(
            Job(),
            After(0) with { ExpiresAfter = Minute },
            After(0) with { Delay = 3 * Minute },
            After(0) with { Delay = Minute });
        var first = await ClaimOneAsync();
        Clock.Advance(2 * Minute);
        await CompleteAsync(first);
        Assert.Equal([JobState.Waiting, JobState.Delayed, JobState.Waiting], await StatesAsync(ids[1..]));
        Clock.Advance(Minute - Millisecond);
        Assert.Equal([ids[1], ids[3]], Ids(await ClaimAsync()));
        Clock.Advance(Millisecond);
        Assert.Equal([ids[2]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task What_follows_expires_like_any_other()
    {
        var ids = await EnqueueAsync(Job(), After(0) with { ExpiresAfter = Minute });
        await CompleteAsync(await ClaimOneAsync());
        Clock.Advance(Minute);
        Assert.Empty(await ClaimAsync());
        Assert.Equal(JobState.Expired, await StateAsync(ids[1]));
    }

    [Fact]
    public async Task A_job_that_is_deleted_did_not_succeed()
    {
        var ids = await EnqueueAsync(Job(), After(0), After(0) with { AfterAnyEnd = true });
        await DeleteAsync(ids[0]);
        Assert.Null(await Jobs.FindAsync(ids[0], Cancellation));
        Assert.Equal((JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(ids[0])), await EndOfAsync(ids[1]));
        Assert.Equal([ids[2]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_blocked_job_can_be_cancelled_and_its_predecessors_go_on()
    {
        var ids = await EnqueueAsync(Job(), After(0), After(1));
        await CancelAsync(ids[1]);
        Assert.Equal([JobState.Waiting, JobState.Cancelled, JobState.Cancelled], await StatesAsync(ids));
        await CompleteAsync(await ClaimOneAsync());
        Assert.Empty(await ClaimAsync());
        Assert.Equal(JobState.Cancelled, await StateAsync(ids[1]));
    }

    [Fact]
    public async Task A_cancelled_follower_that_is_retried_waits_for_nobody()
    {
        var ids = await EnqueueAsync(Job(), Job(), After(0, 1));
        var jobs = await ClaimAsync();
        await CompleteAsync(jobs[0], JobOutcome.Hopeless);
        Assert.Equal(1, (await RetryAsync(ids[2])).Changed);
        var follower = await ClaimOneAsync();
        Assert.Equal((ids[2], 1), (follower.Token.Id, follower.Attempt));
        await CompleteAsync(jobs[1], JobOutcome.Hopeless);
        Assert.Equal(JobState.Running, await StateAsync(ids[2]));
        Assert.True(await CompleteAsync(follower));
    }

    [Fact]
    public async Task A_predecessor_that_is_retried_does_not_take_back_what_followed()
    {
        var ids = await EnqueueAsync(Job(), After(0));
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Hopeless);
        await RetryAsync(ids[0]);
        await CompleteAsync(await ClaimOneAsync());
        Assert.Equal([JobState.Succeeded, JobState.Cancelled], await StatesAsync(ids));
    }

    [Fact]
    public async Task Many_follow_one_and_one_follows_many()
    {
        const int count = 1500;
        var first = await EnqueueOneAsync();
        var ids = await EnqueueAsync([.. Enumerable.Repeat(AfterId(first), count), After([.. Enumerable.Range(0, count)])]);
        await CompleteAsync(await ClaimOneAsync());
        var jobs = await ClaimAsync(max: count + 1);
        Assert.Equal(ids[..count], Ids(jobs));
        await CompleteAllAsync(jobs.Skip(1));
        Assert.Empty(await ClaimAsync());
        await CompleteAsync(jobs[0]);
        Assert.Equal([ids[count]], Ids(await ClaimAsync()));
    }

    [Fact]
    public async Task A_follower_keeps_to_its_limit()
    {
        var limit = new JobLimit("site", MaxRunning: 1);
        var ids = await EnqueueAsync(Job(), After(0) with { Limit = limit }, After(0) with { Limit = limit });
        await CompleteAsync(await ClaimOneAsync());
        Assert.Equal([ids[1]], Ids(await ClaimAsync()));
        Assert.Equal(JobState.Held, await StateAsync(ids[2]));
    }

    /// <summary>A job that comes after those at these places of the same call.</summary>
    private static NewJob After(params int[] places) => Job() with { After = [.. places.Select(JobReference.ByIndex)] };

    private static NewJob AfterId(long id) => Job() with { After = [JobReference.ById(id)] };
}
