using System.Text;
using Databus.Jobs;
using Databus.Subscriptions;

namespace Databus.StoreSuite;

/// <summary>What becomes of a job at the end of a start, and who may say it (P5).</summary>
public abstract class JobCompletionTests(StoreHome home) : JobSuite(home)
{
    [Fact]
    public async Task A_success_ends_the_job_and_keeps_its_result()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        var startedAt = Now;
        Clock.Advance(Minute);
        Assert.True(await CompleteAsync(job, result: """{"words":17,"ß":"✓"}"""));
        var status = await JobAsync(id);
        Assert.Equal((JobState.Succeeded, 1, startedAt, Now, Node), (status.State, status.Attempt, status.StartedAt, status.EndedAt, status.Owner));
        Assert.Equal("""{"words":17,"ß":"✓"}""", Text(status.Result!));
        Assert.Null(status.Error);
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task A_result_may_be_absent_or_large()
    {
        var large = $"\"{new string('x', 2 << 20)}\"";
        var ids = await EnqueueAsync(ManyJobs(3));
        var jobs = await ClaimAsync();
        Assert.Empty(await Jobs.CompleteAsync(
            [
                new JobCompletion(jobs[0].Token, JobOutcome.Succeeded),
                new JobCompletion(jobs[1].Token, JobOutcome.Succeeded, Encoding.UTF8.GetBytes(large)),
                new JobCompletion(jobs[2].Token, JobOutcome.Succeeded, "[]"u8.ToArray()),
            ],
            Cancellation));
        Assert.Null((await JobAsync(ids[0])).Result);
        Assert.Equal(large, Text((await JobAsync(ids[1])).Result!));
        Assert.Equal("[]", Text((await JobAsync(ids[2])).Result!));
    }

    [Fact]
    public async Task A_job_is_finished_once()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        Assert.True(await CompleteAsync(job, result: "1"));
        Assert.False(await CompleteAsync(job, result: "2"));
        Assert.False(await CompleteAsync(job, JobOutcome.Failed, error: "late"));
        Assert.Equal("1", Text((await JobAsync(id)).Result!));
    }

    [Fact]
    public async Task The_same_token_twice_in_one_call_counts_once()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        var lost = await Jobs.CompleteAsync(
            [new JobCompletion(job.Token, JobOutcome.Succeeded, "1"u8.ToArray()), new JobCompletion(job.Token, JobOutcome.Succeeded, "2"u8.ToArray())],
            Cancellation);
        Assert.Equal([job.Token], lost);
        Assert.Equal("1", Text((await JobAsync(id)).Result!));
    }

    [Fact]
    public async Task Tokens_that_are_not_current_are_lost_and_the_others_count()
    {
        var ids = await EnqueueAsync(ManyJobs(3));
        var jobs = await ClaimAsync(max: 2);
        LeaseToken[] madeUp =
        [
            new(ids[2], 0),
            new(ids[2], jobs[0].Token.Fence),
            jobs[1].Token with { Fence = jobs[1].Token.Fence + 1 },
            jobs[1].Token with { Fence = 0 },
            new(long.MaxValue, 1),
            new(0, 0),
        ];
        var lost = await Jobs.CompleteAsync(
            [.. madeUp.Append(jobs[0].Token).Select(token => new JobCompletion(token, JobOutcome.Succeeded))], Cancellation);
        Assert.Equal(madeUp.ToHashSet(), lost.ToHashSet());
        Assert.Equal([JobState.Succeeded, JobState.Running, JobState.Waiting], await StatesAsync(ids));
    }

    [Fact]
    public async Task The_token_of_an_earlier_start_is_refused()
    {
        var id = await EnqueueOneAsync();
        var first = await ClaimOneAsync();
        await CompleteAsync(first, JobOutcome.Failed);
        var second = await ClaimOneAsync();
        Assert.True(second.Token.Fence > first.Token.Fence);
        Assert.False(await CompleteAsync(first));
        Assert.Equal((JobState.Running, 2), ((await JobAsync(id)).State, (await JobAsync(id)).Attempt));
        Assert.True(await CompleteAsync(second));
    }

    [Fact]
    public async Task A_failure_is_tried_again_after_its_delay()
    {
        var id = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, error: "no answer", delay: Minute);
        var status = await JobAsync(id);
        Assert.Equal((JobState.Delayed, 1, Now + Minute, "no answer"), (status.State, status.Attempt, status.DueAt, status.Error));
        Assert.Equal(Now + Minute, (await TryClaimAsync()).NextDueAt);
        Clock.Advance(Minute);
        var again = await ClaimOneAsync();
        Assert.Equal((2, Now), (again.Attempt, again.DueAt));
        await CompleteAsync(again);
        Assert.Null((await JobAsync(id)).Error);
    }

    [Fact]
    public async Task Without_a_delay_it_is_tried_again_at_once()
    {
        var id = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed);
        Assert.Equal((JobState.Waiting, JobErrors.NoReason), await EndOfAsync(id));
        Assert.Equal(2, (await ClaimOneAsync()).Attempt);
    }

    [Fact]
    public async Task The_last_attempt_that_fails_ends_the_job()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 2 });
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, error: "first");
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Failed, error: "second", delay: Minute);
        Assert.Equal((JobState.Failed, "second"), await EndOfAsync(id));
        Assert.Equal((2, Now), ((await JobAsync(id)).Attempt, (await JobAsync(id)).EndedAt));
        Clock.Advance(Minute);
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task The_hopeless_is_not_tried_again()
    {
        var id = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Hopeless, error: "no such page");
        Assert.Equal((JobState.Failed, "no such page"), await EndOfAsync(id));
        Assert.Empty(await ClaimAsync());
    }

    [Fact]
    public async Task What_is_returned_uses_no_attempt()
    {
        var id = await EnqueueOneAsync(Job() with { MaxAttempts = 1 });
        for (var time = 0; time < 5; time++)
        {
            var job = await ClaimOneAsync();
            Assert.Equal(1, job.Attempt);
            await CompleteAsync(job, JobOutcome.Returned, error: "shutting down", delay: time * Second);
            Assert.Equal(time == 0 ? JobState.Waiting : JobState.Delayed, await StateAsync(id));
            Assert.Equal((0, Now + (time * Second)), ((await JobAsync(id)).Attempt, (await JobAsync(id)).DueAt));
            Clock.Advance(time * Second);
        }
    }

    [Fact]
    public async Task A_running_job_is_asked_to_stop_and_says_so_when_it_has()
    {
        var changes = 0;
        Jobs.Changed = () => Interlocked.Increment(ref changes);
        var ids = await EnqueueAsync(ManyJobs(2));
        var jobs = await ClaimAsync();
        Assert.Equal(new JobStep(1, ScannedTo: null), await CancelAsync(ids[0]));
        Assert.NotEqual(0, changes);
        Assert.Equal((JobState.Running, true), ((await JobAsync(ids[0])).State, (await JobAsync(ids[0])).IsCancelRequested));
        Assert.Equal([jobs[0].Token], await Jobs.ListCancelRequestsAsync(Node, Cancellation));
        Assert.Empty(await Jobs.ListCancelRequestsAsync("another", Cancellation));

        // Asked once more changes nothing.
        Assert.Equal(0, (await CancelAsync(ids[0])).Changed);
        Assert.True(await CompleteAsync(jobs[0], JobOutcome.Cancelled));
        Assert.Equal((JobState.Cancelled, false), ((await JobAsync(ids[0])).State, (await JobAsync(ids[0])).IsCancelRequested));
        Assert.Empty(await Jobs.ListCancelRequestsAsync(Node, Cancellation));
    }

    [Fact]
    public async Task An_owner_finds_what_it_has_under_way()
    {
        await EnqueueAsync(ManyJobs(4));
        var jobs = await ClaimAsync(max: 3);
        await ClaimOneAsync("another");
        await CompleteAsync(jobs[1]);
        Assert.Equal([jobs[0].Token, jobs[2].Token], (await Jobs.ListRunningAsync(Node, Cancellation)).OrderBy(token => token.Id));
        Assert.Empty(await Jobs.ListRunningAsync("unknown", Cancellation));
    }

    [Fact]
    public async Task Whoever_finishes_before_it_stops_has_finished()
    {
        var ids = await EnqueueAsync(ManyJobs(2));
        var jobs = await ClaimAsync();
        await CancelAsync(ids);
        await CompleteAsync(jobs[0], result: "1");
        await CompleteAsync(jobs[1], JobOutcome.Hopeless, error: "broken");
        Assert.Equal([JobState.Succeeded, JobState.Failed], await StatesAsync(ids));
    }

    [Theory]
    [InlineData(JobOutcome.Failed)]
    [InlineData(JobOutcome.Returned)]
    public async Task Who_was_asked_to_stop_does_not_start_again(JobOutcome outcome)
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        await CancelAsync(id);
        await CompleteAsync(job, outcome, error: "interrupted", delay: Minute);
        Assert.Equal((JobState.Cancelled, "interrupted"), await EndOfAsync(id));
    }

    [Fact]
    public async Task Cancelled_without_being_asked_is_returned()
    {
        var id = await EnqueueOneAsync();
        await CompleteAsync(await ClaimOneAsync(), JobOutcome.Cancelled, delay: Second);
        Assert.Equal((JobState.Delayed, 0), ((await JobAsync(id)).State, (await JobAsync(id)).Attempt));
    }

    [Fact]
    public async Task What_a_job_says_while_it_runs_is_kept()
    {
        var id = await EnqueueOneAsync();
        var job = await ClaimOneAsync();
        await ReportAsync(0.25, "reading");
        Assert.Equal((0.25, "reading"), await SaidAsync());
        await ReportAsync(0.5, message: null);
        Assert.Equal((0.5, "reading"), await SaidAsync());
        await ReportAsync(progress: null, "counting");
        Assert.Equal((0.5, "counting"), await SaidAsync());

        // Another start begins with nothing said; the last one's words stay.
        await CompleteAsync(job, JobOutcome.Failed);
        job = await ClaimOneAsync();
        Assert.Equal((null, null), await SaidAsync());
        await ReportAsync(1, "done");
        await CompleteAsync(job);
        Assert.Equal((1, "done"), await SaidAsync());

        async Task ReportAsync(double? progress, string? message)
        {
            var renewal = await Jobs.ReportAsync([new JobReport(job.Token, progress, message, [])], Cancellation);
            Assert.Empty(renewal.Lost);
            Assert.Empty(renewal.CancelRequested);
        }

        async Task<(double?, string?)> SaidAsync()
        {
            var status = await JobAsync(id);
            return (status.Progress, status.Message);
        }
    }

    [Fact]
    public async Task Any_number_may_report_at_once()
    {
        const int count = 10_000;
        var ids = await EnqueueAsync(ManyJobs(count));
        var jobs = new List<ClaimedJob>();
        while (jobs.Count < count)
            jobs.AddRange(await ClaimAsync(max: 1000));
        var reports = jobs.Select((job, place) => new JobReport(job.Token, place / (double)count, place % 2 == 0 ? $"{place}" : null, [new JobLogLine(Now, 1, 2, $"{place}")]));
        var stale = new JobReport(new LeaseToken(ids[7], 1), 1, "stale", []);
        Assert.Equal([stale.Token], (await Jobs.ReportAsync([.. reports, stale], Cancellation)).Lost);
        foreach (var place in (int[])[0, 7, 499, 500, 501, 5000, count - 1])
        {
            var job = await JobAsync(ids[place]);
            Assert.Equal((place / (double)count, place % 2 == 0 ? $"{place}" : null), (job.Progress, job.Message));
            Assert.Equal([$"{place}"], (await Jobs.ReadLogAsync(ids[place], 10, Cancellation)).Select(line => line.Text));
        }
    }

    [Fact]
    public async Task A_success_is_complete_however_little_it_said_and_nothing_else_is()
    {
        var ids = await EnqueueAsync([.. ManyJobs(4), Job() with { UniqueKey = "key" }, Job() with { Limit = new JobLimit("limit", MaxRunning: 5) }, Job()]);
        await EnqueueOneAsync(Job() with { After = [JobReference.ById(ids[6])] });
        var jobs = await ClaimAsync(max: 7);
        await Jobs.ReportAsync([.. jobs.Skip(1).Select(job => new JobReport(job.Token, 0.4, "counting", []))], Cancellation);
        await Jobs.CompleteAsync(
            [
                new JobCompletion(jobs[0].Token, JobOutcome.Succeeded), new JobCompletion(jobs[1].Token, JobOutcome.Succeeded),
                new JobCompletion(jobs[2].Token, JobOutcome.Succeeded, "1"u8.ToArray()), new JobCompletion(jobs[3].Token, JobOutcome.Hopeless),
                .. jobs.Skip(4).Select(job => new JobCompletion(job.Token, JobOutcome.Succeeded)),
            ],
            Cancellation);
        double?[] expected = [null, 1, 1, 0.4, 1, 1, 1];
        foreach (var (id, progress) in ids.Zip(expected))
            Assert.Equal(progress, (await JobAsync(id)).Progress);
    }

    [Fact]
    public async Task Nobody_reports_on_a_start_that_is_over_and_who_shall_stop_hears_of_it()
    {
        var ids = await EnqueueAsync(ManyJobs(2));
        var jobs = await ClaimAsync();
        await CompleteAsync(jobs[0]);
        await CancelAsync(ids[1]);
        var line = new JobLogLine(Now, 1, 2, "line");
        var renewal = await Jobs.ReportAsync(
            [new JobReport(jobs[0].Token, 0.5, "late", [line]), new JobReport(jobs[1].Token, 0.5, "now", [line])], Cancellation);
        Assert.Equal([jobs[0].Token], renewal.Lost);
        Assert.Equal([jobs[1].Token], renewal.CancelRequested);
        Assert.Equal((null, null), ((await JobAsync(ids[0])).Progress, (await JobAsync(ids[0])).Message));
        Assert.Empty(await Jobs.ReadLogAsync(ids[0], 10, Cancellation));
        Assert.Equal([line], await Jobs.ReadLogAsync(ids[1], 10, Cancellation));
    }

    [Fact]
    public async Task Who_waits_for_an_end_is_told()
    {
        var changes = 0;
        var ids = await EnqueueAsync(ManyJobs(2));
        var job = await ClaimOneAsync();
        Jobs.Changed = () => Interlocked.Increment(ref changes);
        await CompleteAsync(job);
        Assert.NotEqual(0, Interlocked.Exchange(ref changes, 0));
        await CancelAsync(ids[1]);
        Assert.NotEqual(0, changes);
    }

    [Fact]
    public async Task Many_ends_at_once_each_find_their_job()
    {
        const int count = 3000;
        var ids = await EnqueueAsync([.. ManyJobs(count).Select(job => job with { MaxAttempts = 1 })]);
        var jobs = await ClaimAsync(max: count);
        Assert.Equal(ids, Ids(jobs));
        var lost = await Jobs.CompleteAsync(
            [.. jobs.Select((job, place) => place % 2 == 0
                ? new JobCompletion(job.Token, JobOutcome.Succeeded, job.Arguments)
                : new JobCompletion(job.Token, JobOutcome.Failed, Error: Text(job.Arguments)))],
            Cancellation);
        Assert.Empty(lost);
        for (var place = 0; place < count; place += 251)
        {
            var status = await JobAsync(ids[place]);
            Assert.Equal(
                place % 2 == 0 ? (JobState.Succeeded, $"{place}", null) : (JobState.Failed, null, $"{place}"),
                (status.State, status.Result is null ? null : Text(status.Result), status.Error));
        }
    }
}
