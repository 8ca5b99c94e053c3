using Databus.Sources;

namespace Databus.StoreSuite;

public abstract class SourceTests(StoreHome home) : StoreTests(home)
{
    private static readonly TimeSpan Claim = TimeSpan.FromMinutes(2);
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
    public async Task A_source_is_claimed_only_when_it_is_due()
    {
        await Store.PutSourceAsync(News, Cancellation);
        Assert.True(await ClaimAsync());
        await RecordAsync(Polled());
        Assert.False(await ClaimAsync());
        Clock.Advance(TimeSpan.FromMinutes(5) - Millisecond);
        Assert.False(await ClaimAsync());
        Clock.Advance(Millisecond);
        Assert.True(await ClaimAsync());
        Assert.False(await Store.TryClaimPollAsync("unknown", Claim, Cancellation));
    }

    [Fact]
    public async Task A_claim_is_one_nodes_until_it_ends()
    {
        await Store.PutSourceAsync(News, Cancellation);
        Assert.Null((await StatusAsync()).ClaimedUntil);
        Assert.True(await ClaimAsync());
        Assert.Equal(Clock.GetUtcNow() + Claim, (await StatusAsync()).ClaimedUntil);
        Clock.Advance(Claim - Millisecond);
        Assert.False(await ClaimAsync());
        Clock.Advance(Millisecond);
        Assert.True(await ClaimAsync());
    }

    [Fact]
    public async Task Of_many_who_claim_one_gets_it()
    {
        await Store.PutSourceAsync(News, Cancellation);
        for (var round = 0; round < 20; round++)
        {
            var claims = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => ClaimAsync()));
            Assert.Single(claims, won => won);
            Clock.Advance(Claim);
        }
    }

    [Fact]
    public async Task A_poll_that_is_kept_gives_the_claim_back()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await ClaimAsync();
        await RecordAsync(Polled() with { NextPollAt = Clock.GetUtcNow() });
        Assert.Null((await StatusAsync()).ClaimedUntil);
        Assert.True(await ClaimAsync());
    }

    [Fact]
    public async Task What_is_paused_or_gone_is_not_due()
    {
        await Store.PutSourceAsync(News with { Paused = true }, Cancellation);
        Assert.False(await ClaimAsync());
        await Store.PutSourceAsync(News, Cancellation);
        await RecordAsync(Polled() with { NextPollAt = null, Outcome = "gone" });
        Assert.False(await ClaimAsync());
    }

    [Fact]
    public async Task Asked_for_it_is_due_whatever_else_holds()
    {
        await Store.PutSourceAsync(News with { Paused = true }, Cancellation);
        Assert.True(await Store.AskForPollAsync("news", Cancellation));
        Assert.True((await StatusAsync()).IsAskedFor);
        Assert.True(await ClaimAsync());
        await RecordAsync(Polled() with { NextPollAt = null, Outcome = "gone" });
        Assert.False((await StatusAsync()).IsAskedFor);
        Assert.False(await ClaimAsync());

        await Store.AskForPollAsync("news", Cancellation);
        Assert.True(await ClaimAsync());
        Assert.False(await Store.AskForPollAsync("unknown", Cancellation));
    }

    [Fact]
    public async Task An_ask_outlives_a_node_that_dies_polling()
    {
        await Store.PutSourceAsync(News with { Paused = true }, Cancellation);
        await Store.AskForPollAsync("news", Cancellation);
        await ClaimAsync();
        Clock.Advance(Claim);
        Assert.True(await ClaimAsync());
        await RecordAsync(Polled());
        Assert.False(await ClaimAsync());
    }

    [Fact]
    public async Task Asked_for_while_it_is_polled_it_is_due_once_more()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await ClaimAsync();
        await Store.AskForPollAsync("news", Cancellation);
        Assert.False(await ClaimAsync());
        await RecordAsync(Polled());
        Assert.True((await StatusAsync()).IsAskedFor);
        Assert.True(await ClaimAsync());
        await RecordAsync(Polled());
        Assert.False(await ClaimAsync());
    }

    [Fact]
    public async Task A_new_address_frees_the_claim_and_other_changes_do_not()
    {
        await Store.PutSourceAsync(News, Cancellation);
        await ClaimAsync();
        await Store.PutSourceAsync(News with { Interval = TimeSpan.FromHours(1), Topic = "other" }, Cancellation);
        Assert.False(await ClaimAsync());
        await Store.PutSourceAsync(News with { Url = new Uri("https://example.org/moved") }, Cancellation);
        Assert.True(await ClaimAsync());

        // The poll of the old address does not give back what is claimed for the new one.
        await RecordAsync(Polled());
        Assert.False(await ClaimAsync());
    }

    private PollRecord Polled() => new(
        News.Url, Clock.GetUtcNow(), Clock.GetUtcNow() + TimeSpan.FromMinutes(5), "added 3 of 30",
        Error: null, Failures: 0, ItemsAdded: 0, State: null, MovedTo: null);

    private Task<bool> ClaimAsync() => Store.TryClaimPollAsync("news", Claim, Cancellation);

    private Task RecordAsync(PollRecord record) => Store.RecordPollAsync("news", record, Cancellation);

    private async Task<SourceStatus> StatusAsync() => Assert.Single(await Store.ListSourcesAsync("news", Cancellation));
}
