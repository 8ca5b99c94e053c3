using Databus.Jobs;
using Databus.Sources;

namespace Databus.StoreSuite;

public abstract class SourceTests(StoreHome home) : StoreTests(home)
{
    private static readonly SourceSettings News = new("news", "feed", "letters", new Uri("https://example.org/feed.xml"));

    [Fact]
    public async Task A_new_source_is_due_at_once()
    {
        Assert.True(await Store.PutSourceAsync(News with { Interval = TimeSpan.FromMinutes(7), Paused = true }, Cancellation));
        var status = await StatusAsync();
        Assert.Equal(News with { Interval = TimeSpan.FromMinutes(7), Paused = true }, status.Settings);
        Assert.Equal((null, Clock.GetUtcNow(), null, null, null), (status.State, status.NextPollAt, status.LastPolledAt, status.LastOutcome, status.Error));
        Assert.Equal((0, 0L, Clock.GetUtcNow()), (status.Failures, status.ItemsAdded, status.CreatedAt));
    }

    [Fact]
    public async Task How_a_poll_ended_is_kept_also_over_a_restart()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await RecordAsync(Polled() with { State = "etag-1", ItemsAdded = 3 });
        await RecordAsync(Polled() with { State = null, ItemsAdded = 2, Error = "timeout", Failures = 1, Outcome = "failed" });
        await ReopenAsync();

        var status = await StatusAsync();
        Assert.Equal(("etag-1", "failed", "timeout"), (status.State, status.LastOutcome, status.Error));
        Assert.Equal((1, 5), (status.Failures, status.ItemsAdded));
        Assert.Equal((Clock.GetUtcNow(), Clock.GetUtcNow() + TimeSpan.FromMinutes(5)), (status.LastPolledAt, status.NextPollAt));
    }

    [Fact]
    public async Task A_source_that_moved_keeps_its_new_address_and_state()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await RecordAsync(Polled() with { State = "etag-1", MovedTo = new Uri("https://example.com/new") });
        var status = await StatusAsync();
        Assert.Equal((new Uri("https://example.com/new"), "etag-1"), (status.Settings.Url, status.State));
    }

    [Fact]
    public async Task A_source_that_is_gone_is_not_due_until_it_is_put_again()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await RecordAsync(Polled() with { NextPollAt = null, Outcome = "gone" });
        Assert.Null((await StatusAsync()).NextPollAt);
        Assert.False(await Store.PutSourceAsync(News, Cancellation));
        Assert.Equal(Clock.GetUtcNow(), (await StatusAsync()).NextPollAt);
    }

    [Fact]
    public async Task A_new_address_or_kind_starts_from_nothing()
    {
        foreach (var changed in (SourceSettings[])[News with { Url = new Uri("https://example.org/other") }, News with { Kind = "page" }])
        {
            await Store.PutSourceAsync(News, Cancellation);
            await RecordAsync(Polled() with { State = "etag-1", Failures = 4, Error = "timeout" });
            Assert.False(await Store.PutSourceAsync(changed, Cancellation));
            var status = await StatusAsync();
            Assert.Equal(changed, status.Settings);
            Assert.Equal((null, 0, null, Clock.GetUtcNow()), (status.State, status.Failures, status.Error, status.NextPollAt));
        }
    }

    [Fact]
    public async Task Other_changes_leave_the_state_in_place()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await RecordAsync(Polled() with { State = "etag-1", ItemsAdded = 9 });
        await Store.PutSourceAsync(News with { Interval = TimeSpan.FromHours(1), Topic = "other", Paused = true }, Cancellation);
        var status = await StatusAsync();
        Assert.Equal(("etag-1", 9, "other", true), (status.State, status.ItemsAdded, status.Settings.Topic, status.Settings.Paused));
    }

    [Fact]
    public async Task A_deleted_source_is_gone_and_stays_gone_when_its_last_poll_ends()
    {
        await Store.PutSourceAsync(News, Cancellation);
        Assert.True(await Store.DeleteSourceAsync("news", Cancellation));
        Assert.False(await Store.DeleteSourceAsync("news", Cancellation));
        await RecordAsync(Polled());
        Assert.Empty(await Store.ListSourcesAsync(name: null, Cancellation));
    }

    [Fact]
    public async Task A_poll_of_the_old_address_says_nothing_about_the_new_one()
    {
        await Store.PutSourceAsync(News, Cancellation);
        var polledBefore = Polled() with { State = "etag-1", ItemsAdded = 3 };
        await Store.PutSourceAsync(News with { Url = new Uri("https://example.org/moved") }, Cancellation);
        await RecordAsync(polledBefore);
        var status = await StatusAsync();
        Assert.Equal((null, null, Clock.GetUtcNow()), (status.State, status.LastPolledAt, status.NextPollAt));
    }

    [Fact]
    public async Task Sources_are_listed_by_name()
    {
        foreach (var name in (string[])["pear", "apple"])
            await Store.PutSourceAsync(News with { Name = name }, Cancellation);
        Assert.Equal(["apple", "pear"], (await Store.ListSourcesAsync(name: null, Cancellation)).Select(status => status.Settings.Name));
        Assert.Empty(await Store.ListSourcesAsync("fig", Cancellation));
    }

    [Fact]
    public async Task Asked_for_it_stays_asked_for_until_a_poll_answers()
    {
        await Store.PutSourceAsync(News with { Paused = true }, Cancellation);
        Assert.False((await StatusAsync()).IsAskedFor);
        Assert.True(await Store.AskForPollAsync("news", Cancellation));
        Assert.True((await StatusAsync()).IsAskedFor);
        await RecordAsync(Polled() with { Before = await StatusAsync() });
        Assert.False((await StatusAsync()).IsAskedFor);
        Assert.False(await Store.AskForPollAsync("unknown", Cancellation));
    }

    [Fact]
    public async Task Asked_for_while_it_is_polled_it_is_asked_for_once_more()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await Store.AskForPollAsync("news", Cancellation);
        var before = await StatusAsync();
        await Store.AskForPollAsync("news", Cancellation);
        await RecordAsync(Polled() with { Before = before });
        Assert.True((await StatusAsync()).IsAskedFor);
        await RecordAsync(Polled() with { Before = await StatusAsync() });
        Assert.False((await StatusAsync()).IsAskedFor);
    }

    [Fact]
    public async Task What_is_heard_of_a_source_answers_no_ask()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await Store.AskForPollAsync("news", Cancellation);
        await RecordAsync(Polled());
        Assert.True((await StatusAsync()).IsAskedFor);
    }

    [Fact]
    public async Task A_poll_says_nothing_when_somebody_else_polled_meanwhile()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await Store.AskForPollAsync("news", Cancellation);
        var never = await StatusAsync();
        await RecordAsync(Polled() with { Before = never, State = "first" });
        var once = await StatusAsync();
        await Store.AskForPollAsync("news", Cancellation);
        Clock.Advance(Millisecond);
        await RecordAsync(Polled() with { Before = never, State = "old", ItemsAdded = 9 });
        Assert.Equal((once.LastPolledAt, "first", 0, true), await ToldAsync());
        await RecordAsync(Polled() with { Before = await StatusAsync(), State = "second" });
        await RecordAsync(Polled() with { Before = once, State = "old", ItemsAdded = 9 });
        Assert.Equal((Clock.GetUtcNow(), "second", 0, false), await ToldAsync());
    }

    [Fact]
    public async Task The_job_that_polls_a_source_is_known_until_it_ends()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await Store.PutSourceAsync(News with { Name = "other" }, Cancellation);
        var poll = new NewJob(PollSource.JobName, """{"source":"news"}"""u8.ToArray()) { Queue = PollSource.Queue, UniqueKey = $"{PollSource.KeyPrefix}news" };
        var job = Assert.Single(await Store.Jobs.EnqueueAsync([poll], Cancellation)).Id;
        Assert.Equal((job, false), await JobAsync());
        Assert.Null(Assert.Single(await Store.ListSourcesAsync("other", Cancellation)).PollJobId);
        var claimed = Assert.Single((await Store.Jobs.ClaimAsync(new JobClaim("node", [PollSource.Queue], 1), Cancellation)).Jobs);
        Assert.Equal((job, true), await JobAsync());
        Assert.Equal([(job, true), (null, false)], (await Store.ListSourcesAsync(name: null, Cancellation)).Select(status => (status.PollJobId, status.IsPolling)));
        await Store.Jobs.CompleteAsync([new JobCompletion(claimed.Token, JobOutcome.Succeeded)], Cancellation);
        Assert.Equal((null, false), await JobAsync());
    }

    private PollRecord Polled() => new(
        News.Url, Clock.GetUtcNow(), Clock.GetUtcNow() + TimeSpan.FromMinutes(5), "added 3 of 30",
        Error: null, Failures: 0, ItemsAdded: 0, State: null, MovedTo: null);

    private async Task<(long? Job, bool IsPolling)> JobAsync() => await StatusAsync() is var status ? (status.PollJobId, status.IsPolling) : default;

    private async Task<(DateTimeOffset? LastPolledAt, string? State, long Added, bool IsAskedFor)> ToldAsync() =>
        await StatusAsync() is var status ? (status.LastPolledAt, status.State, status.ItemsAdded, status.IsAskedFor) : default;

    private Task RecordAsync(PollRecord record) => Store.RecordPollAsync("news", record, Cancellation);

    private async Task<SourceStatus> StatusAsync() => Assert.Single(await Store.ListSourcesAsync("news", Cancellation));
}
