using Databus.Jobs;

namespace Databus.StoreSuite;

/// <summary>Unique keys: one job at a time, or one within a time.</summary>
public abstract class JobUniquenessTests(StoreHome home) : JobSuite(home)
{
    private static readonly NewJob Unique = Job() with { UniqueKey = "report" };

    [Fact]
    public async Task While_a_job_with_the_key_is_there_no_other_is_enqueued()
    {
        var id = await EnqueueOneAsync(Unique);
        Assert.Equal([new EnqueueOutcome(id, Added: false)], await TryEnqueueAsync(Unique));
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, delay: Minute);
        Assert.Equal([new EnqueueOutcome(id, Added: false)], await TryEnqueueAsync(Unique with { Queue = "other", UniqueFor = Minute }));
        await ReopenAsync();
        Assert.Equal([new EnqueueOutcome(id, Added: false)], await TryEnqueueAsync(Unique));
        Assert.Equal(1, (await QueueAsync()).Counts.Sum(count => count.Value));
    }

    [Fact]
    public async Task Other_keys_and_no_key_are_not_in_the_way()
    {
        await EnqueueAsync(Unique, Unique with { UniqueKey = "Report" }, Unique with { UniqueKey = "report " }, Job(), Job());
    }

    [Fact]
    public async Task Within_one_call_the_first_has_the_key()
    {
        var outcomes = await TryEnqueueAsync(Job(), Unique, Unique, Job());
        Assert.Equal([true, true, false, true], outcomes.Select(outcome => outcome.Added));
        Assert.Equal(outcomes[1].Id, outcomes[2].Id);
    }

    [Fact]
    public async Task Of_many_who_enqueue_at_once_one_adds()
    {
        for (var round = 0; round < 10; round++)
        {
            var unique = Unique with { UniqueKey = $"report-{round}" };
            var outcomes = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => TryEnqueueAsync(Job(), unique)));
            Assert.Single(outcomes, outcome => outcome[1].Added);
            Assert.Single(outcomes.Select(outcome => outcome[1].Id).Distinct());
        }
    }

    [Theory]
    [InlineData(JobOutcome.Succeeded)]
    [InlineData(JobOutcome.Hopeless)]
    public async Task The_end_of_the_job_frees_the_key(JobOutcome outcome)
    {
        await EnqueueOneAsync(Unique);
        await CompleteAsync(await ClaimOneAsync(), outcome);
        await EnqueueOneAsync(Unique);
    }

    [Fact]
    public async Task Every_way_to_end_frees_the_key()
    {
        var id = await EnqueueOneAsync(Unique);
        await CancelAsync(id);
        id = await EnqueueOneAsync(Unique);
        await DeleteAsync(id);
        await EnqueueOneAsync(Unique with { MaxAttempts = 1 });
        await ClaimOneAsync();
        Assert.Equal(1, await RescueAsync());
        await EnqueueOneAsync(Unique with { ExpiresAfter = Second });
        Clock.Advance(Second);
        Assert.Empty(await ClaimAsync());
        await EnqueueOneAsync(Unique);
    }

    [Fact]
    public async Task A_time_holds_the_key_whatever_becomes_of_the_job()
    {
        var id = await EnqueueOneAsync(Unique with { UniqueFor = Minute });
        await CompleteAsync(await ClaimOneAsync());
        Clock.Advance(Minute - Millisecond);
        await PurgeAsync();
        Assert.Equal([new EnqueueOutcome(id, Added: false)], await TryEnqueueAsync(Unique));
        Clock.Advance(Millisecond);
        await EnqueueOneAsync(Unique);
    }

    [Fact]
    public async Task A_time_that_is_over_frees_the_key_also_while_the_job_runs()
    {
        await EnqueueOneAsync(Unique with { UniqueFor = Minute });
        var first = await ClaimOneAsync();
        Clock.Advance(Minute);
        var second = await EnqueueOneAsync(Unique);

        // The end of the first frees nothing that is the second's.
        await CompleteAsync(first);
        Assert.Equal([new EnqueueOutcome(second, Added: false)], await TryEnqueueAsync(Unique));
    }

    [Fact]
    public async Task A_retry_does_not_take_the_key_again()
    {
        var first = await EnqueueOneAsync(Unique);
        await CancelAsync(first);
        var second = await EnqueueOneAsync(Unique);
        await RetryAsync(first);
        Assert.Equal([JobState.Waiting, JobState.Waiting], await StatesAsync(first, second));
        await CompleteAsync(await ClaimOneAsync());
        Assert.Equal([new EnqueueOutcome(second, Added: false)], await TryEnqueueAsync(Unique));
    }

    [Fact]
    public async Task Expired_keys_go_in_bounded_steps()
    {
        const int count = 6000;
        await EnqueueAsync([.. Enumerable.Range(0, count).Select(place => Unique with { UniqueKey = $"key-{place}", UniqueFor = Minute, KeepFor = TimeSpan.FromDays(30) })]);
        Clock.Advance(TimeSpan.FromHours(1));
        var removed = 0;
        for (var more = true; more;)
        {
            var step = await Store.PurgeStepAsync(Cancellation);
            Assert.InRange(step.Removed, 0, 5000);
            removed += step.Removed;
            more = step.More;
        }

        Assert.InRange(removed, count, int.MaxValue);
        await EnqueueOneAsync(Unique with { UniqueKey = "key-0" });
    }
}
