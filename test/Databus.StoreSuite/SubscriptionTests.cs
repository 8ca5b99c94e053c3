using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class SubscriptionTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task The_first_fetch_creates_the_subscription_with_the_defaults()
    {
        var topic = await TopicOfAsync(3);
        Assert.Equal([1], Ids(await FetchAsync(topic)));

        var status = await StatusAsync(topic);
        Assert.Equal((Sub, "letters"), (status.Name, status.Topic));
        Assert.Equal((TimeSpan.FromSeconds(30), 10, 10_000), (status.Lease, status.MaxAttempts, status.MaxInFlight));
        Assert.Equal((1, 3, 2), (status.Position, status.LastId, status.Lag));
        Assert.Equal((1, 0, 0), (status.InFlight, status.Waiting, status.Dead));
        Assert.Equal(Clock.GetUtcNow(), status.CreatedAt);
    }

    [Fact]
    public async Task A_fetch_from_an_empty_topic_creates_the_subscription_too()
    {
        var topic = await TopicAsync();
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Assert.Equal(0, (await StatusAsync(topic)).Position);
        await AppendAsync(topic, "a");
        Assert.Equal([1], Ids(await FetchAsync(topic)));
    }

    [Fact]
    public async Task Putting_creates_or_changes_and_a_null_leaves_the_value_as_it_is()
    {
        var topic = await TopicAsync();
        var first = await PutAsync(new SubscriptionSettings { MaxAttempts = 3 });
        Assert.True(first.Created);
        Assert.Equal((TimeSpan.FromSeconds(30), 3, 10_000), (first.Status.Lease, first.Status.MaxAttempts, first.Status.MaxInFlight));

        var second = await PutAsync(new SubscriptionSettings { Lease = TimeSpan.FromSeconds(90), MaxInFlight = 7 });
        Assert.False(second.Created);
        Assert.Equal((TimeSpan.FromSeconds(90), 3, 7), (second.Status.Lease, second.Status.MaxAttempts, second.Status.MaxInFlight));

        await ReopenAsync();
        Assert.Equal(second.Status, await StatusAsync(topic));

        async Task<(SubscriptionStatus Status, bool Created)> PutAsync(SubscriptionSettings settings)
        {
            var put = await Store.PutSubscriptionAsync(topic, Sub, settings, SubscriptionStart.Beginning, Cancellation);
            Assert.NotNull(put);
            return put.Value;
        }
    }

    [Fact]
    public async Task Started_at_the_end_it_gets_only_what_comes_from_then_on()
    {
        var topic = await TopicOfAsync(3);
        await SubscribeAsync(topic, start: SubscriptionStart.End);
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        await AppendAsync(topic, "new");
        Assert.Equal([4], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task The_start_says_nothing_to_a_subscription_that_exists()
    {
        var topic = await TopicOfAsync(3);
        await FetchAsync(topic);
        await SubscribeAsync(topic, start: SubscriptionStart.End);
        Assert.Equal([2, 3], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Started_at_the_beginning_it_starts_at_the_oldest_item_kept()
    {
        var topic = await TopicOfAsync(5, new TopicSettings { Retention = TimeSpan.FromHours(1) });
        Clock.Advance(TimeSpan.FromHours(2));
        await AppendAsync(topic, Many(2, first: 6));
        await PurgeAsync();

        await SubscribeAsync(topic);
        var status = await StatusAsync(topic);
        Assert.Equal((5, 2, Clock.GetUtcNow()), (status.Position, status.Lag, status.OldestWaitingAt));
        Assert.Equal([6, 7], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Started_at_the_beginning_of_a_topic_whose_items_have_all_gone_it_waits_for_the_next()
    {
        var topic = await TopicOfAsync(5, new TopicSettings { Retention = TimeSpan.FromHours(1) });
        Clock.Advance(TimeSpan.FromHours(2));
        await PurgeAsync();
        await SubscribeAsync(topic);
        Assert.Equal((5, 0), ((await StatusAsync(topic)).Position, (await StatusAsync(topic)).Lag));
        await AppendAsync(topic, "next");
        Assert.Equal([6], Ids(await FetchAsync(topic, max: 10)));
    }

    [Fact]
    public async Task Subscriptions_do_not_know_each_other()
    {
        var topic = await TopicOfAsync(3);
        var one = await FetchAsync(topic, max: 2);
        var other = await FetchAsync(topic, max: 3, subscription: "other");
        Assert.Equal([1, 2], Ids(one));
        Assert.Equal([1, 2, 3], Ids(other));

        // A token of the one means nothing to the other.
        Assert.Equal(Tokens(one), await Store.AcknowledgeAsync(topic, "third", Tokens(one), Cancellation));
        Assert.Empty(await AcknowledgeAsync(topic, Tokens(one)));
        Assert.Equal(3, (await StatusAsync(topic, "other")).InFlight);
    }

    [Fact]
    public async Task A_deleted_subscription_is_gone_and_its_name_starts_over()
    {
        var topic = await TopicOfAsync(3);
        var fetched = await FetchAsync(topic, max: 2);
        Assert.True(await Store.DeleteSubscriptionAsync(topic, Sub, Cancellation));
        Assert.False(await Store.DeleteSubscriptionAsync(topic, Sub, Cancellation));
        Assert.Empty(await Store.ListSubscriptionsAsync(topic, Sub, Cancellation));
        Assert.Equal(Tokens(fetched), await AcknowledgeAsync(topic, Tokens(fetched)));

        Clock.Advance(Millisecond);
        var anew = await FetchAsync(topic, max: 10);
        Assert.Equal([1, 2, 3], Ids(anew));
        Assert.All(anew.Deliveries, delivery => Assert.Equal(1, delivery.Attempt));
        Assert.Equal(Tokens(fetched), await AcknowledgeAsync(topic, Tokens(fetched)));

        // The rows of the old one go without touching the new one.
        await PurgeAsync();
        Assert.Empty(await AcknowledgeAsync(topic, Tokens(anew)));
    }

    [Fact]
    public async Task A_list_holds_what_was_asked_for()
    {
        var letters = await TopicAsync("letters");
        var numbers = await TopicAsync("numbers");
        await SubscribeAsync(numbers, name: "b");
        await SubscribeAsync(letters, name: "b");
        await SubscribeAsync(letters, name: "a");

        Assert.Equal(["letters/a", "letters/b", "numbers/b"], await NamesAsync(topic: null, name: null));
        Assert.Equal(["letters/a", "letters/b"], await NamesAsync(letters, name: null));
        Assert.Equal(["letters/b", "numbers/b"], await NamesAsync(topic: null, "b"));
        Assert.Equal(["numbers/b"], await NamesAsync(numbers, "b"));
        Assert.Empty(await NamesAsync(numbers, "a"));

        async Task<IEnumerable<string>> NamesAsync(Topic? topic, string? name) =>
            (await Store.ListSubscriptionsAsync(topic, name, Cancellation)).Select(status => $"{status.Topic}/{status.Name}");
    }

    [Fact]
    public async Task A_status_tells_leased_waiting_and_dead_apart()
    {
        var topic = await TopicOfAsync(6);
        var addedAt = Clock.GetUtcNow();
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 1 });
        var first = await FetchAsync(topic, max: 4, lease: TimeSpan.FromMinutes(5));
        await NackAsync(topic, Tokens(first)[0], reason: "broken");
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 5 });
        await NackAsync(topic, Tokens(first)[1], delay: TimeSpan.FromHours(1));
        await FetchAsync(topic, max: 1, lease: TimeSpan.FromSeconds(1));
        Clock.Advance(TimeSpan.FromSeconds(1));

        var status = await StatusAsync(topic);
        Assert.Equal((2, 2, 1), (status.InFlight, status.Waiting, status.Dead));
        Assert.Equal((5, 6, 1), (status.Position, status.LastId, status.Lag));
        Assert.Equal(addedAt, status.OldestWaitingAt);
    }

    [Fact]
    public async Task Nothing_waits_once_all_is_acknowledged()
    {
        var topic = await TopicOfAsync(2);
        var fetched = await FetchAsync(topic, max: 2);
        Assert.NotNull((await StatusAsync(topic)).OldestWaitingAt);
        await AcknowledgeAsync(topic, Tokens(fetched));
        var status = await StatusAsync(topic);
        Assert.Equal((0, 0, 0, 0L, null), (status.InFlight, status.Waiting, status.Dead, status.Lag, status.OldestWaitingAt));
    }
}
