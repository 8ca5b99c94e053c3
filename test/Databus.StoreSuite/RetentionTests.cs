using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>What is removed, when, and in steps of what size.</summary>
public abstract class RetentionTests(StoreHome home) : StoreTests(home)
{
    /// <summary>No step writes more rows than this: that is how long an append may have to wait for the purge.</summary>
    private const int LargestStep = 5000;

    private static readonly TopicSettings OneHour = new() { Retention = TimeSpan.FromHours(1) };

    [Fact]
    public async Task Without_a_retention_items_stay_for_ever()
    {
        var topic = await TopicOfAsync(3);
        Clock.Advance(TimeSpan.FromDays(10_000));
        await PurgeAsync();
        Assert.Equal(3, (await AllItemsAsync(topic)).Count);
    }

    [Fact]
    public async Task Items_older_than_the_retention_go_and_younger_ones_stay()
    {
        var topic = await TopicOfAsync(3, OneHour);
        Clock.Advance(TimeSpan.FromHours(1));
        await AppendAsync(topic, "young");
        await PurgeAsync();
        Assert.Equal(4, (await AllItemsAsync(topic)).Count);

        Clock.Advance(Millisecond);
        await PurgeAsync();
        Assert.Equal([4], Ids(await AllItemsAsync(topic)));
        Assert.Equal((1, 4), ((await TopicStatusAsync()).Items, (await TopicStatusAsync()).LastId));
    }

    [Fact]
    public async Task Ids_are_never_used_again_also_when_all_items_are_gone()
    {
        var topic = await TopicOfAsync(5, OneHour);
        await RetireAllAsync();
        Assert.Empty(await AllItemsAsync(topic));
        await ReopenAsync();
        Assert.Equal((0, 5), ((await TopicStatusAsync()).Items, (await TopicStatusAsync()).LastId));
        Assert.Equal(6, (await AppendAsync(topic, "next")).Id);
    }

    [Fact]
    public async Task A_key_lives_its_own_window_whatever_becomes_of_the_item()
    {
        var topic = await TopicOfAsync(1, OneHour with { Window = TimeSpan.FromHours(3) });
        await RetireAllAsync();
        Assert.Empty(await AllItemsAsync(topic));
        Assert.Equal(new AppendOutcome(1, Added: false), await AppendAsync(topic, "1"));
        Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(new AppendOutcome(2, Added: true), await AppendAsync(topic, "1"));
    }

    [Fact]
    public async Task The_slowest_subscription_decides()
    {
        var topic = await TopicOfAsync(4, OneHour);
        await FetchAsync(topic, max: 4, lease: TimeSpan.Zero, subscription: "fast");
        await FetchAsync(topic, max: 1, lease: TimeSpan.Zero, subscription: "slow");
        await RetireAllAsync();
        Assert.Equal([2, 3, 4], Ids(await AllItemsAsync(topic)));

        await Store.DeleteSubscriptionAsync(topic, "slow", Cancellation);
        await PurgeAsync();
        Assert.Empty(await AllItemsAsync(topic));
    }

    [Fact]
    public async Task Items_in_flight_and_dead_ones_stay_and_the_others_go()
    {
        var topic = await TopicOfAsync(6, OneHour);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 1 });
        var tokens = Tokens(await FetchAsync(topic, max: 6, lease: TimeSpan.FromHours(12)));
        await NackAsync(topic, tokens[1], reason: "broken");
        await AcknowledgeAsync(topic, tokens[0], tokens[2], tokens[4]);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 5 });
        await NackAsync(topic, tokens[3], delay: TimeSpan.FromHours(12));
        await RetireAllAsync();
        Assert.Equal([2, 4, 6], Ids(await AllItemsAsync(topic)));
        Assert.Equal(3, (await TopicStatusAsync()).Items);

        // Once nobody holds them any more, they go too.
        await AcknowledgeAsync(topic, tokens[5]);
        await Store.DiscardDeadAsync(topic, Sub, ids: null, Cancellation);
        await PurgeAsync();
        await PurgeAsync();
        Assert.Equal([4], Ids(await AllItemsAsync(topic)));
    }

    [Fact]
    public async Task The_oldest_waiting_item_is_known_also_where_items_before_it_are_gone()
    {
        var topic = await TopicOfAsync(3, OneHour);
        await FetchAsync(topic, max: 1, lease: TimeSpan.FromHours(12));
        await FetchAsync(topic, max: 10, lease: TimeSpan.Zero);
        await RetireAllAsync();
        await AppendAsync(topic, "young");
        Assert.Equal([1, 4], Ids(await AllItemsAsync(topic)));

        await SubscribeAsync(topic, start: SubscriptionStart.End, name: "other");
        await Store.RewindAsync(topic, "other", RewindTarget.After(1), Cancellation);
        Assert.Equal(Clock.GetUtcNow(), (await StatusAsync(topic, "other")).OldestWaitingAt);
    }

    [Fact]
    public async Task A_retention_that_is_set_later_holds_for_what_is_there()
    {
        var topic = await TopicOfAsync(3);
        Clock.Advance(TimeSpan.FromDays(1));
        await PurgeAsync();
        await TopicAsync(settings: OneHour);
        await PurgeAsync();
        Assert.Empty(await AllItemsAsync(topic));
    }

    [Fact]
    public async Task Much_goes_in_bounded_steps_that_say_that_more_waits()
    {
        const int count = 12_000;
        var topic = await TopicAsync(settings: OneHour with { Window = TimeSpan.FromHours(1) });
        foreach (var some in Many(count).Chunk(4000))
            await AppendAsync(topic, some);
        Clock.Advance(TimeSpan.FromHours(2));
        await AssertStepsAsync(atLeast: 2 * count);
        Assert.Empty(await AllItemsAsync(topic));
        Assert.Equal(0, (await TopicStatusAsync()).Items);
    }

    [Fact]
    public async Task A_deleted_topic_goes_in_bounded_steps_while_its_successor_works()
    {
        const int count = 12_000;
        var old = await TopicAsync();
        foreach (var some in Many(count).Chunk(4000))
            await AppendAsync(old, some);
        await SubscribeAsync(old, new SubscriptionSettings { MaxInFlight = count });
        await FetchAsync(old, max: 5000);
        await Store.DeleteTopicAsync("letters", Cancellation);

        var topic = await TopicOfAsync(3);
        await FetchAsync(topic, max: 2);
        await AssertStepsAsync(atLeast: (2 * count) + 5000);
        Assert.Equal([1, 2, 3], Ids(await AllItemsAsync(topic)));
        Assert.Equal(2, (await StatusAsync(topic)).InFlight);
        Assert.Equal(0, await PurgeAsync());
    }

    [Fact]
    public async Task Expired_keys_are_removed_and_others_are_not()
    {
        var topic = await TopicAsync(settings: new TopicSettings { Window = TimeSpan.FromHours(1) });
        await AppendAsync(topic, Many(10));
        Clock.Advance(TimeSpan.FromHours(1) - Millisecond);
        await AppendAsync(topic, Keyed("young"), Keyed("lasting") with { KeyNeverExpires = true });
        Assert.Equal(0, await PurgeAsync());

        Clock.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(10, await PurgeAsync());
        Assert.False((await AppendAsync(topic, "young")).Added);
        Assert.False((await AppendAsync(topic, "lasting")).Added);
        Assert.True((await AppendAsync(topic, "1")).Added);
    }

    private async Task RetireAllAsync()
    {
        Clock.Advance(TimeSpan.FromHours(2));
        await PurgeAsync();
    }

    private async Task AssertStepsAsync(int atLeast)
    {
        var (total, more) = (0, true);
        while (more)
        {
            var step = await Store.PurgeStepAsync(Cancellation);
            Assert.InRange(step.Removed, 0, LargestStep);
            total += step.Removed;
            more = step.More;
        }

        Assert.True(total >= atLeast, $"{total} rows went, {atLeast} were to go.");
    }
}
