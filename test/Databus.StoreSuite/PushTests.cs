using Databus.Destinations;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class PushTests(StoreHome home) : StoreTests(home)
{
    private static readonly DestinationSettings Here = new("box", """{"name":"here","size":1.50}""");
    private static readonly DestinationSettings There = new("box", """{"name":"there"}""");
    private static readonly SubscriptionSettings ToHere = new() { Destination = Here };

    [Fact]
    public async Task A_subscription_is_pulled_and_not_paused_unless_it_is_said()
    {
        var topic = await TopicAsync();
        await SubscribeAsync(topic);
        Assert.Equal((null, false), await SettingsAsync(topic));
        Assert.Empty(await Store.ListPushSubscriptionsAsync(Cancellation));
    }

    [Fact]
    public async Task Destination_and_pause_are_set_kept_and_removed_each_for_itself()
    {
        var topic = await TopicAsync();
        await SubscribeAsync(topic, ToHere);
        Assert.Equal((Here, false), await SettingsAsync(topic));
        await SubscribeAsync(topic, new SubscriptionSettings { Paused = true });
        Assert.Equal((Here, true), await SettingsAsync(topic));
        await SubscribeAsync(topic, new SubscriptionSettings { MaxAttempts = 3 });
        Assert.Equal((Here, true), await SettingsAsync(topic));
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = There });
        Assert.Equal((There, true), await SettingsAsync(topic));
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = DestinationSettings.None });
        Assert.Equal((null, true), await SettingsAsync(topic));
        await SubscribeAsync(topic, new SubscriptionSettings { Paused = false });
        Assert.Equal((null, false), await SettingsAsync(topic));
    }

    [Fact]
    public async Task The_answer_to_a_put_says_what_is_set()
    {
        var topic = await TopicAsync();
        var put = await Store.PutSubscriptionAsync(
            topic, Sub, new SubscriptionSettings { Destination = Here, Paused = true }, SubscriptionStart.Beginning, Cancellation);
        Assert.NotNull(put);
        Assert.Equal((true, Here, true), (put.Value.Created, put.Value.Status.Destination, put.Value.Status.Paused));
    }

    [Fact]
    public async Task They_outlast_a_restart()
    {
        var topic = await TopicAsync();
        await SubscribeAsync(topic, ToHere);
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = There, Paused = true }, name: "other");
        await ReopenAsync();
        Assert.Equal((Here, false), await SettingsAsync(topic));
        Assert.Equal((There, true), await SettingsAsync(topic, "other"));
        Assert.True((await FetchAsync(topic)).Pushes);
    }

    [Fact]
    public async Task Those_that_push_are_listed_with_all_that_a_push_needs()
    {
        var settings = new TopicSettings { KeyPointers = ["/id"], Window = TimeSpan.FromHours(1), Retention = TimeSpan.FromHours(2) };
        var letters = await TopicAsync("letters", settings);
        var numbers = await TopicAsync("numbers");
        await SubscribeAsync(numbers, ToHere, name: "b");
        await SubscribeAsync(letters, new SubscriptionSettings { Destination = There, Lease = TimeSpan.FromMinutes(7) }, name: "b");
        await SubscribeAsync(letters, ToHere, name: "a");
        await SubscribeAsync(letters, name: "pulled");
        await SubscribeAsync(letters, new SubscriptionSettings { Destination = Here, Paused = true }, name: "paused");

        var pushing = await Store.ListPushSubscriptionsAsync(Cancellation);
        Assert.Equal(
            [("letters", "a", Here, Lease), ("letters", "b", There, TimeSpan.FromMinutes(7)), ("numbers", "b", Here, Lease)],
            pushing.Select(push => (push.Topic.Name, push.Name, push.Destination, push.Lease)));
        Assert.Equal((letters.Number, settings.Window, settings.Retention), (pushing[0].Topic.Number, pushing[0].Topic.Settings.Window, pushing[0].Topic.Settings.Retention));
        Assert.Equal(settings.KeyPointers, pushing[0].Topic.Settings.KeyPointers);
    }

    [Fact]
    public async Task Deleted_with_or_without_their_topic_they_are_listed_no_more()
    {
        var letters = await TopicAsync("letters");
        var numbers = await TopicAsync("numbers");
        await SubscribeAsync(letters, ToHere);
        await SubscribeAsync(numbers, ToHere);
        await Store.DeleteSubscriptionAsync(letters, Sub, Cancellation);
        await Store.DeleteTopicAsync("numbers", Cancellation);
        Assert.Empty(await Store.ListPushSubscriptionsAsync(Cancellation));
    }

    [Fact]
    public async Task One_that_pushes_hands_nothing_out_to_those_who_pull()
    {
        var topic = await TopicOfAsync(2);
        await SubscribeAsync(topic, ToHere);
        foreach (var lease in (TimeSpan?[])[null, Lease, TimeSpan.Zero])
        {
            var fetched = await FetchAsync(topic, max: 10, lease);
            Assert.True(fetched.Pushes);
            Assert.Empty(fetched.Deliveries);
        }

        Assert.Equal(2, (await StatusAsync(topic)).Lag);
        Assert.Equal([1, 2], Ids(await FetchToPushAsync(topic)));
    }

    [Fact]
    public async Task Paused_or_without_its_destination_it_can_be_pulled_from()
    {
        var topic = await TopicOfAsync(2);
        await SubscribeAsync(topic, ToHere);
        await SubscribeAsync(topic, new SubscriptionSettings { Paused = true });
        Assert.Equal([1], Ids(await FetchAsync(topic)));
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = DestinationSettings.None, Paused = false });
        var fetched = await FetchAsync(topic);
        Assert.False(fetched.Pushes);
        Assert.Equal([2], Ids(fetched));
    }

    [Fact]
    public async Task What_is_fetched_to_be_pushed_is_leased_as_any_other()
    {
        var topic = await TopicOfAsync(3);
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = Here, Lease = TimeSpan.FromMinutes(7) });
        var push = Assert.Single(await Store.ListPushSubscriptionsAsync(Cancellation));
        var fetched = await Store.FetchToPushAsync(push, 2, Cancellation);
        Assert.Equal([1, 2], Ids(fetched));
        Assert.True(fetched.More);
        Assert.Equal(Clock.GetUtcNow() + TimeSpan.FromMinutes(7), fetched.NextDueAt);
        Assert.Empty(await AcknowledgeAsync(topic, Tokens(fetched)[0]));
        Clock.Advance(TimeSpan.FromMinutes(7));
        Assert.Equal([(2, 2), (3, 1)], (await Store.FetchToPushAsync(push, 5, Cancellation)).Deliveries.Select(delivery => (delivery.Id, delivery.Attempt)));
    }

    [Fact]
    public async Task Nothing_is_fetched_for_a_destination_that_the_subscription_does_not_push_to()
    {
        var topic = await TopicOfAsync(1);
        await SubscribeAsync(topic, ToHere);
        Assert.Empty((await FetchToPushAsync(topic, There)).Deliveries);
        Assert.Empty((await FetchToPushAsync(topic, Here with { Kind = "bag" })).Deliveries);
        await SubscribeAsync(topic, new SubscriptionSettings { Paused = true });
        Assert.Empty((await FetchToPushAsync(topic)).Deliveries);
        await SubscribeAsync(topic, new SubscriptionSettings { Destination = DestinationSettings.None, Paused = false });
        Assert.Empty((await FetchToPushAsync(topic)).Deliveries);
        Assert.Equal(1, (await StatusAsync(topic)).Lag);
    }

    [Fact]
    public async Task A_fetch_to_push_creates_no_subscription()
    {
        var topic = await TopicOfAsync(1);
        Assert.Empty((await FetchToPushAsync(topic)).Deliveries);
        await SubscribeAsync(topic, ToHere);
        await Store.DeleteSubscriptionAsync(topic, Sub, Cancellation);
        Assert.Empty((await FetchToPushAsync(topic)).Deliveries);
        Assert.Empty(await Store.ListSubscriptionsAsync(topic, Sub, Cancellation));

        await Store.DeleteTopicAsync(topic.Name, Cancellation);
        Assert.Empty((await FetchToPushAsync(topic)).Deliveries);
    }

    private async Task<(DestinationSettings? Destination, bool Paused)> SettingsAsync(Topic topic, string name = Sub) =>
        await StatusAsync(topic, name) is var status ? (status.Destination, status.Paused) : default;

    private Task<FetchResult> FetchToPushAsync(Topic topic, DestinationSettings? destination = null) =>
        Store.FetchToPushAsync(new PushSubscription(topic, Sub, destination ?? Here), 10, Cancellation);
}
