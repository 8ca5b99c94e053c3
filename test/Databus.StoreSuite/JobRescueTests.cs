using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>What becomes of jobs whose worker is gone (P5).</summary>
public abstract class JobRescueTests(StoreHome home) : JobSuite(home)
{
    [Fact]
    public async Task A_node_that_is_heard_keeps_its_jobs()
    {
        var id = await EnqueueOneAsync();
        await BeatAsync();
        await ClaimOneAsync();
        for (var time = 0; time < 10; time++)
        {
            Clock.Advance(Silence - Millisecond);
            Assert.Equal(0, await RescueAsync());
            await BeatAsync();
        }

        Assert.Equal(JobState.Running, await StateAsync(id));
    }

    [Fact]
    public async Task A_silent_node_loses_its_jobs_and_a_living_one_gets_them()
    {
        var ids = await EnqueueAsync(ManyJobs(2));
        await BeatAsync();
        await BeatAsync("node-2");
        await ClaimOneAsync();
        await ClaimOneAsync("node-2");
        Clock.Advance(Silence - Millisecond);
        await BeatAsync("node-2");
        Clock.Advance(Millisecond);
        Assert.Equal(1, await RescueAsync());
        var status = await JobAsync(ids[0]);
        Assert.Equal((JobState.Waiting, 1, Now, JobErrors.Silent(Node)), (status.State, status.Attempt, status.DueAt, status.Error));
        var again = await ClaimOneAsync("node-2");
        Assert.Equal((ids[0], 2), (again.Token.Id, again.Attempt));
    }

    [Fact]
    public async Task Who_said_goodbye_or_never_gave_a_sign_of_life_is_silent()
    {
        var ids = await EnqueueAsync(ManyJobs(2));
        await BeatAsync();
        await ClaimOneAsync();
        await ClaimOneAsync("never-heard-of");
        await Store.RemoveNodeAsync(Node, Cancellation);
        Assert.Equal(2, await RescueAsync());
        Assert.Equal([JobState.Waiting, JobState.Waiting], await StatesAsync(ids));
    }

    [Fact]
    public async Task What_a_zombie_says_is_refused()
    {
        var id = await EnqueueOneAsync();
        await BeatAsync();
        var zombie = await ClaimOneAsync();
        Clock.Advance(Silence);
        await RescueAsync();
        Assert.False(await CompleteAsync(zombie, result: "1"));
        await BeatAsync("node-2");
        var current = await ClaimOneAsync("node-2");

        // It comes back to life, and is heard again.
        await BeatAsync();
        Assert.False(await CompleteAsync(zombie, result: "1"));
        Assert.False(await CompleteAsync(zombie, JobOutcome.Failed, error: "1"));
        Assert.Equal([zombie.Token], (await Jobs.ReportAsync([new JobReport(zombie.Token, 1, "zombie", [])], Cancellation)).Lost);
        Assert.Equal([zombie.Token], (await Jobs.RenewAsync([zombie.Token], Minute, Cancellation)).Lost);
        Assert.Null((await JobAsync(id)).Message);
        Assert.True(await CompleteAsync(current, result: "2"));
        Assert.Equal("2", Text((await JobAsync(id)).Result!));
    }

    [Fact]
    public async Task A_lease_of_its_own_holds_a_job_without_any_heartbeat()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync("python", Minute);
        Clock.Advance(Minute - Millisecond);
        Assert.Equal(0, await RescueAsync());
        Assert.True(await CompleteAsync(job));
        Assert.Equal((JobState.Succeeded, "python"), ((await JobAsync(id)).State, (await JobAsync(id)).Owner));
    }

    [Fact]
    public async Task A_heartbeat_does_not_prolong_a_lease()
    {
        await EnqueueOneAsync();
        await ClaimOneAsync(Node, Minute);
        Clock.Advance(Minute);
        await BeatAsync();
        Assert.Equal(1, await RescueAsync());
    }

    [Fact]
    public async Task A_lease_that_ended_is_over_also_before_anybody_took_the_job()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync("python", Minute);
        Clock.Advance(Minute);
        Assert.False(await CompleteAsync(job));
        Assert.Equal([job.Token], (await Jobs.RenewAsync([job.Token], Minute, Cancellation)).Lost);
        Assert.Equal([job.Token], (await Jobs.ReportAsync([new JobReport(job.Token, 1, "late", [])], Cancellation)).Lost);
        Assert.Equal(1, await RescueAsync());
        Assert.Equal((JobState.Waiting, JobErrors.LeaseEnded("python")), await EndOfAsync(id));
    }

    [Fact]
    public async Task A_renewal_lets_the_lease_end_that_long_from_now()
    {
        var ids = await EnqueueAsync(ManyJobs(3));
        var jobs = await ClaimAsync(owner: "python", lease: Minute);
        Clock.Advance(Minute - Millisecond);
        await CompleteAsync(jobs[2]);
        await CancelAsync(ids[1]);
        var renewal = await Jobs.RenewAsync([.. jobs.Select(job => job.Token)], 2 * Minute, Cancellation);
        Assert.Equal([jobs[2].Token], renewal.Lost);
        Assert.Equal([jobs[1].Token], renewal.CancelRequested);
        Clock.Advance((2 * Minute) - Millisecond);
        Assert.Equal(0, await RescueAsync());
        Clock.Advance(Millisecond);
        Assert.Equal(2, await RescueAsync());
        Assert.Equal([JobState.Waiting, JobState.Cancelled, JobState.Succeeded], await StatesAsync(ids));
    }

    [Fact]
    public async Task A_renewal_may_also_shorten_a_lease()
    {
        await EnqueueOneAsync();
        var job = await ClaimOneAsync("python", TimeSpan.FromHours(1));
        Assert.Empty((await Jobs.RenewAsync([job.Token], Second, Cancellation)).Lost);
        Clock.Advance(Second);
        Assert.Equal(1, await RescueAsync());
    }

    [Fact]
    public async Task A_nodes_jobs_have_no_lease_to_renew()
    {
        await EnqueueOneAsync();
        await BeatAsync();
        var job = await ClaimOneAsync();
        Assert.Empty((await Jobs.RenewAsync([job.Token], TimeSpan.FromHours(1), Cancellation)).Lost);
        Clock.Advance(Silence);
        Assert.Equal(1, await RescueAsync());
    }

    [Fact]
    public async Task The_loss_of_the_last_attempt_fails_the_job()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 2 });
        await LoseAsync();
        Assert.Equal(JobState.Waiting, await StateAsync(id));
        await LoseAsync();
        Assert.Equal((JobState.Failed, JobErrors.Silent(Node)), await EndOfAsync(id));
        Assert.Equal(2, (await JobAsync(id)).Attempt);
    }

    [Fact]
    public async Task Lost_three_times_in_a_row_it_has_failed_when_it_is_lost_alone_whatever_attempts_are_left()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 100 });
        await LoseOftenAsync();
        Assert.Equal(JobState.Waiting, await StateAsync(id));
        await LoseAsync(isAlone: true);
        Assert.Equal((JobState.Failed, JobErrors.LostTooOften(JobErrors.Silent(Node))), await EndOfAsync(id));
        Assert.Equal(4, (await JobAsync(id)).Attempt);

        // A retry begins to count anew.
        await RetryAsync(id);
        await LoseOftenAsync();
        Assert.Equal(JobState.Waiting, await StateAsync(id));
    }

    [Fact]
    public async Task Lost_beside_others_it_may_be_lost_as_often_as_it_has_attempts()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 7 });
        for (var time = 0; time < 6; time++)
        {
            Assert.Equal(Math.Min(time, JobErrors.LossesOfASuspect), await LoseAsync());
            Assert.Equal(JobState.Waiting, await StateAsync(id));
        }

        await LoseAsync();
        Assert.Equal((JobState.Failed, JobErrors.Silent(Node)), await EndOfAsync(id));
    }

    [Fact]
    public async Task That_it_was_alone_counts_for_that_start_only()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 100 });
        await LoseOftenAsync();
        var job = await ClaimOneAsync();
        await SayAloneAsync(job);
        await CompleteAsync(job, JobOutcome.Returned);
        Assert.Equal(JobErrors.LossesOfASuspect, await LoseAsync());
        Assert.Equal(JobState.Waiting, await StateAsync(id));
    }

    [Fact]
    public async Task A_lease_that_ends_for_the_fourth_time_in_a_row_fails_the_job()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 100 });
        for (var time = 0; time < 4; time++)
        {
            Assert.Equal(JobState.Waiting, await StateAsync(id));
            await ClaimOneAsync("python", Second);
            Clock.Advance(Second);
            Assert.Equal(1, await RescueAsync());
        }

        Assert.Equal((JobState.Failed, JobErrors.LostTooOften(JobErrors.LeaseEnded("python"))), await EndOfAsync(id));
    }

    [Theory]
    [InlineData(JobOutcome.Failed, 0)]
    [InlineData(JobOutcome.Returned, 2)]
    public async Task A_failure_breaks_the_row_and_what_was_given_back_says_nothing(JobOutcome outcome, int losses)
    {
        // Each with something that follows from its end, and without.
        var ids = await EnqueueAsync(Job() with { MaxAttempts = 100 }, Job() with { MaxAttempts = 100, Limit = new JobLimit("limit", MaxRunning: 1) });
        for (var time = 0; time < 2; time++)
        {
            await BeatAsync();
            Assert.Equal(2, (await ClaimAsync()).Count);
            Clock.Advance(Silence);
            Assert.Equal(2, await RescueAsync());
        }

        foreach (var job in await ClaimAsync())
            await CompleteAsync(job, outcome);
        var again = await ClaimAsync();
        Assert.Equal(ids, Ids(again));
        Assert.All(again, job => Assert.Equal(losses, job.Losses));
    }

    [Fact]
    public async Task Who_was_asked_to_stop_and_is_lost_is_cancelled()
    {
        var id = await EnqueueOneAsync();
        await BeatAsync();
        await ClaimOneAsync();
        await CancelAsync(id);
        Clock.Advance(Silence);
        Assert.Equal(1, await RescueAsync());
        Assert.Equal((JobState.Cancelled, JobErrors.Silent(Node)), await EndOfAsync(id));
    }

    [Fact]
    public async Task Who_waits_for_work_and_for_ends_is_told_of_a_rescue()
    {
        await EnqueueAsync(Job(), Job() with { MaxAttempts = 1 });
        await ClaimAsync();
        string? told = null;
        var changes = 0;
        Jobs.Claimable = queue => told = queue ?? "any";
        Jobs.Changed = () => Interlocked.Increment(ref changes);
        Assert.Equal(2, await RescueAsync());
        Assert.Contains(told, (string[])["any", NewJob.DefaultQueue]);
        Assert.NotEqual(0, changes);
    }

    [Fact]
    public async Task Much_is_rescued_in_steps()
    {
        const int count = 3000;
        var ids = await EnqueueAsync(ManyJobs(count));
        await ClaimAsync(max: count);
        Assert.InRange(await Jobs.RescueAsync(Cancellation), 1, 2000);
        await RescueAsync();
        Assert.Equal(count, (await QueueAsync()).Counts[JobState.Waiting]);
        Assert.Equal(ids, Ids(await ClaimAsync(max: count)));
    }

    [Fact]
    public async Task A_restart_of_the_store_takes_no_jobs_away()
    {
        await EnqueueOneAsync();
        await BeatAsync();
        var job = await ClaimOneAsync();
        await ReopenAsync();
        Assert.Equal(0, await RescueAsync());
        Assert.True(await CompleteAsync(job));
    }

    /// <summary>Beside others, until it is to be run alone.</summary>
    private async Task LoseOftenAsync()
    {
        for (var time = 0; time < 3; time++)
            Assert.Equal(time, await LoseAsync());
    }

    /// <summary>Starts the one job there is and falls silent. Returns how often it was lost before.</summary>
    private async Task<int> LoseAsync(bool isAlone = false)
    {
        await BeatAsync();
        var job = await ClaimOneAsync();
        if (isAlone)
            await SayAloneAsync(job);
        Clock.Advance(Silence);
        Assert.Equal(1, await RescueAsync());
        return job.Losses;
    }

    private async Task SayAloneAsync(ClaimedJob job) =>
        Assert.Empty((await Jobs.ReportAsync([new JobReport(job.Token, Progress: null, Message: null, []) { IsAlone = true }], Cancellation)).Lost);
}
