using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class RewindTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task Rewound_to_the_beginning_everything_comes_again()
    {
        var topic = await TopicOfAsync(3);
        await FetchAsync(topic, max: 3, lease: TimeSpan.Zero);
        Assert.True(await RewindAsync(topic, RewindTarget.Beginning));
        Assert.Equal([1, 2, 3], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Rewound_to_the_end_only_what_comes_from_then_on()
    {
        var topic = await TopicOfAsync(3);
        await FetchAsync(topic, lease: TimeSpan.Zero);
        Assert.True(await RewindAsync(topic, RewindTarget.End));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        await AppendAsync(topic, "new");
        Assert.Equal([4], Ids(await FetchAsync(topic, max: 10)));
    }

    [Theory]
    [InlineData(-5L, 1L)]
    [InlineData(0L, 1L)]
    [InlineData(2L, 3L)]
    public async Task Rewound_to_an_id_the_next_is_the_one_after_it(long after, long next)
    {
        var topic = await TopicOfAsync(4);
        await FetchAsync(topic, max: 10, lease: TimeSpan.Zero);
        Assert.True(await RewindAsync(topic, RewindTarget.After(after)));
        Assert.Equal(next, (await FetchOneAsync(topic)).Id);
    }

    [Fact]
    public async Task Beyond_the_last_id_means_behind_the_last_item()
    {
        var topic = await TopicOfAsync(3);
        await FetchAsync(topic);
        await RewindAsync(topic, RewindTarget.After(1000));
        Assert.Equal(3, (await StatusAsync(topic)).Position);
        await AppendAsync(topic, "new");
        Assert.Equal(4, (await FetchOneAsync(topic)).Id);
    }

    [Fact]
    public async Task Deliveries_behind_the_position_are_dropped_and_come_anew()
    {
        var topic = await TopicOfAsync(4);
        var tokens = Tokens(await FetchAsync(topic, max: 4));
        await NackAsync(topic, tokens[3], delay: TimeSpan.FromHours(1));
        await RewindAsync(topic, RewindTarget.After(2));

        Assert.Equal((2, 0), ((await StatusAsync(topic)).InFlight, (await StatusAsync(topic)).Waiting));
        Assert.Equal([tokens[2]], await AcknowledgeAsync(topic, tokens[2]));
        var anew = await FetchAsync(topic, max: 10);
        Assert.Equal([3, 4], Ids(anew));
        Assert.All(anew.Deliveries, delivery => Assert.Equal(1, delivery.Attempt));

        // The old token stays lost although its item is leased again.
        Assert.Equal([tokens[2]], await AcknowledgeAsync(topic, tokens[2]));
    }

    [Fact]
    public async Task Deliveries_at_or_before_the_position_stay()
    {
        var topic = await TopicOfAsync(4);
        var tokens = Tokens(await FetchAsync(topic, max: 2, lease: Lease));
        await RewindAsync(topic, RewindTarget.After(2));
        Assert.Empty(await AcknowledgeAsync(topic, tokens[0]));

        // Also when the position moves on.
        await RewindAsync(topic, RewindTarget.End);
        Clock.Advance(Lease);
        Assert.Equal([2], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task What_was_dropped_makes_room()
    {
        var topic = await TopicOfAsync(3);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxInFlight = 2 });
        await FetchAsync(topic, max: 2);
        await RewindAsync(topic, RewindTarget.Beginning);
        Assert.Equal([1, 2], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Rewound_to_a_time_the_next_is_the_first_added_at_or_after_it()
    {
        var topic = await TopicAsync();
        var times = new List<DateTimeOffset>();
        for (var key = 1; key <= 9; key++)
        {
            times.Add(Clock.GetUtcNow());
            await AppendAsync(topic, Keyed(key), Keyed(-key));
            Clock.Advance(TimeSpan.FromSeconds(10));
        }

        await FetchAsync(topic, max: 100, lease: TimeSpan.Zero);
        foreach (var (index, time) in times.Index())
        {
            Assert.Equal((2 * index) + 1, await NextAfterRewindAsync(topic, time));
            Assert.Equal((2 * index) + 1, await NextAfterRewindAsync(topic, time - Millisecond));
        }

        Assert.Equal(1, await NextAfterRewindAsync(topic, times[0] - TimeSpan.FromDays(1)));
        Assert.Null(await NextAfterRewindAsync(topic, times[^1] + Millisecond));
    }

    [Fact]
    public async Task A_rewind_knows_what_has_been_removed()
    {
        var topic = await TopicOfAsync(10, new TopicSettings { Retention = TimeSpan.FromHours(1) });
        var removedAt = Clock.GetUtcNow();
        Clock.Advance(TimeSpan.FromHours(2));
        await AppendAsync(topic, Many(3, first: 11));
        await PurgeAsync();
        Assert.Equal(Numbers(11, 13), Ids(await AllItemsAsync(topic)));
        await FetchAsync(topic, max: 100, lease: TimeSpan.Zero);

        await RewindAsync(topic, RewindTarget.Beginning);
        Assert.Equal((10, 3), ((await StatusAsync(topic)).Position, (await StatusAsync(topic)).Lag));
        Assert.Equal(11, await NextAfterRewindAsync(topic, removedAt));
        Assert.Equal(11, await NextAfterRewindAsync(topic, Clock.GetUtcNow()));
        Assert.Null(await NextAfterRewindAsync(topic, Clock.GetUtcNow() + Millisecond));
    }

    [Fact]
    public async Task An_unknown_subscription_is_not_rewound()
    {
        var topic = await TopicOfAsync(1);
        Assert.False(await RewindAsync(topic, RewindTarget.Beginning));
    }

    [Fact]
    public async Task The_position_outlasts_a_restart()
    {
        var topic = await TopicOfAsync(5);
        await FetchAsync(topic, max: 5, lease: TimeSpan.Zero);
        await RewindAsync(topic, RewindTarget.After(3));
        await ReopenAsync();
        Assert.Equal([4, 5], Ids(await FetchAsync(topic, max: 10)));
    }

    private Task<bool> RewindAsync(Topic topic, RewindTarget target) => Store.RewindAsync(topic, Sub, target, Cancellation);

    private async Task<long?> NextAfterRewindAsync(Topic topic, DateTimeOffset time)
    {
        Assert.True(await RewindAsync(topic, RewindTarget.At(time)));
        return (await FetchAsync(topic, lease: TimeSpan.Zero)).Deliveries is [var next] ? next.Id : null;
    }
}
