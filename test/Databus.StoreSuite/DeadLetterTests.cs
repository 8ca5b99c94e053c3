using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class DeadLetterTests(StoreHome home) : StoreTests(home)
{
    private static readonly SubscriptionSettings OneAttempt = new() { MaxAttempts = 1 };

    [Fact]
    public async Task After_its_attempts_an_item_is_a_dead_letter_and_not_delivered_again()
    {
        var addedAt = Clock.GetUtcNow();
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 3 });
        await WearOutAsync(topic, attempts: 3);
        Assert.Empty(await DeadAsync(topic));

        Assert.Empty((await FetchAsync(topic)).Deliveries);
        var dead = Assert.Single(await DeadAsync(topic));
        Assert.Equal((1, 3, addedAt, Clock.GetUtcNow()), (dead.Id, dead.Attempts, dead.AddedAt, dead.DiedAt));
        Assert.Equal("""{"key":"1"}""", Text(dead.Content));
        Assert.NotEmpty(dead.Reason);
        Assert.Equal((0, 0, 1), ((await StatusAsync(topic)).InFlight, (await StatusAsync(topic)).Waiting, (await StatusAsync(topic)).Dead));
    }

    [Fact]
    public async Task The_reason_of_the_last_return_is_kept_when_the_last_lease_just_ends()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2 });
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, reason: "does not parse");
        await FetchOneAsync(topic, Lease);
        Clock.Advance(Lease);
        await FetchAsync(topic);
        Assert.Equal("does not parse", Assert.Single(await DeadAsync(topic)).Reason);
    }

    [Fact]
    public async Task A_poison_item_at_the_head_blocks_nobody()
    {
        var topic = await TopicOfAsync(20);
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 3, MaxInFlight = 2 });
        var done = new List<long>();
        for (var round = 0; round < 40 && done.Count < 19; round++)
        {
            foreach (var delivery in (await FetchAsync(topic, max: 2, lease: Lease)).Deliveries)
            {
                if (delivery.Id == 1)
                    continue;
                await AcknowledgeAsync(topic, delivery.Token!.Value);
                done.Add(delivery.Id);
            }

            Clock.Advance(Lease / 4);
        }

        Assert.Equal(Numbers(2, 20), done);
        Assert.Equal([1], (await DeadAsync(topic)).Select(dead => dead.Id));
    }

    [Fact]
    public async Task Many_that_die_at_once_do_not_hide_what_is_new()
    {
        var topic = await TopicOfAsync(50);
        await SubscribeAsync(topic, OneAttempt);
        await FetchAsync(topic, max: 50, lease: Lease);
        await AppendAsync(topic, "new");
        Clock.Advance(Lease);
        Assert.Equal([51], Ids(await FetchAsync(topic, max: 1)));
        Assert.Equal(50, (await DeadAsync(topic)).Count);
    }

    [Fact]
    public async Task They_are_listed_in_id_order_page_by_page()
    {
        var topic = await DeadTopicAsync(5);
        Assert.Equal([1, 2], (await DeadAsync(topic, limit: 2)).Select(dead => dead.Id));
        Assert.Equal([3, 4, 5], (await DeadAsync(topic, after: 2)).Select(dead => dead.Id));
        Assert.Empty(await DeadAsync(topic, after: 5));
        Assert.Empty(await Store.ListDeadAsync(topic, "unknown", 0, 10, Cancellation));
    }

    [Fact]
    public async Task Replayed_they_come_again_with_all_their_attempts()
    {
        var topic = await DeadTopicAsync(3);
        Assert.Equal(2, await ReplayAsync(topic, [1, 3, 99]));
        Assert.Equal([2], (await DeadAsync(topic)).Select(dead => dead.Id));

        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 2 });
        var fetched = await FetchAsync(topic, max: 10, lease: Lease);
        Assert.Equal([1, 3], Ids(fetched));
        Assert.All(fetched.Deliveries, delivery => Assert.Equal(1, delivery.Attempt));
        Clock.Advance(Lease);
        Assert.All((await FetchAsync(topic, max: 10)).Deliveries, delivery => Assert.Equal(2, delivery.Attempt));
    }

    [Fact]
    public async Task All_can_be_replayed_however_many_they_are()
    {
        const int count = 1203;
        var topic = await DeadTopicAsync(count);
        Assert.Equal(count, await ReplayAsync(topic, ids: null));
        Assert.Equal(0, await ReplayAsync(topic, ids: null));
        Assert.Equal(Numbers(1, 1000), Ids(await FetchAsync(topic, max: 1000)));
        Assert.Equal(Numbers(1001, count), Ids(await FetchAsync(topic, max: 1000)));
    }

    [Fact]
    public async Task Replayed_while_the_item_still_comes_anew_after_a_rewind_it_comes_once()
    {
        var topic = await DeadTopicAsync(2);
        await Store.RewindAsync(topic, Sub, RewindTarget.Beginning, Cancellation);
        Assert.Equal(2, await ReplayAsync(topic, ids: null));
        Assert.Equal([1, 2], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Discarded_they_are_gone_for_good()
    {
        var topic = await DeadTopicAsync(1203);
        Assert.Equal(1, await DiscardAsync(topic, [2, 99_999]));
        Assert.Equal([1, 3], (await DeadAsync(topic, limit: 2)).Select(dead => dead.Id));
        Assert.Equal(1202, await DiscardAsync(topic, ids: null));
        Assert.Empty(await DeadAsync(topic));
        Assert.Equal(0, await ReplayAsync(topic, ids: null));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
    }

    [Fact]
    public async Task Of_an_unknown_subscription_there_are_none()
    {
        var topic = await TopicOfAsync(1);
        Assert.Equal(0, await ReplayAsync(topic, [1]));
        Assert.Equal(0, await DiscardAsync(topic, ids: null));
    }

    [Fact]
    public async Task One_that_dies_twice_is_listed_once_with_its_last_reason()
    {
        var topic = await DeadTopicAsync(1);
        await ReplayAsync(topic, ids: null);
        await NackAsync(topic, (await FetchOneAsync(topic)).Token!.Value, reason: "again");
        Assert.Equal("again", Assert.Single(await DeadAsync(topic)).Reason);
    }

    /// <summary>A topic whose items are all dead letters.</summary>
    private async Task<Topic> DeadTopicAsync(int count)
    {
        var topic = await TopicOfAsync(count);
        await SubscribeAsync(topic, OneAttempt);
        while (await FetchAsync(topic, max: 1000) is { Deliveries.Count: > 0 } fetched)
        {
            Assert.Equal(
                fetched.Deliveries.Count,
                (await NackAsync(topic, Tokens(fetched), reason: "broken")).Dead);
        }

        return topic;
    }

    private Task<int> ReplayAsync(Topic topic, IReadOnlyList<long>? ids) => Store.ReplayDeadAsync(topic, Sub, ids, Cancellation);

    private Task<int> DiscardAsync(Topic topic, IReadOnlyList<long>? ids) => Store.DiscardDeadAsync(topic, Sub, ids, Cancellation);
}
