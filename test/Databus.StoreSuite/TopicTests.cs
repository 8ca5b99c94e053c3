using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class TopicTests(StoreHome home) : StoreTests(home)
{
    private static readonly TopicSettings Special = new()
    {
        KeyPointers = ["/id", "/shop/name"],
        Window = TimeSpan.FromHours(3),
        Retention = TimeSpan.FromDays(2),
    };

    [Fact]
    public async Task A_topic_is_created_once_with_the_default_settings()
    {
        var (topic, created) = await Store.PutTopicAsync("letters", settings: null, Cancellation);
        var (again, createdAgain) = await Store.PutTopicAsync("letters", settings: null, Cancellation);

        Assert.True(created);
        Assert.False(createdAgain);
        Assert.Equal(topic.Number, again.Number);
        Assert.Empty(topic.Settings.KeyPointers);
        Assert.Equal(TimeSpan.FromDays(14), topic.Settings.Window);
        Assert.Null(topic.Settings.Retention);
    }

    [Fact]
    public async Task A_topic_is_found_as_soon_as_it_is_created_and_lost_as_soon_as_it_is_deleted()
    {
        // Many times, because the memory that answers is written beside the one who is answered.
        for (var round = 0; round < 200; round++)
        {
            var (topic, _) = await Store.PutTopicAsync("letters", settings: null, Cancellation);
            Assert.Equal(topic, await Store.FindTopicAsync("letters", Cancellation));
            Assert.True(await Store.DeleteTopicAsync("letters", Cancellation));
            Assert.Null(await Store.FindTopicAsync("letters", Cancellation));
        }
    }

    [Fact]
    public async Task Null_settings_leave_a_topics_own_in_place()
    {
        await TopicAsync(settings: Special);
        var (topic, _) = await Store.PutTopicAsync("letters", settings: null, Cancellation);
        AssertSpecial(topic.Settings);
    }

    [Fact]
    public async Task Settings_are_found_by_all_that_ask_also_after_a_restart()
    {
        await TopicAsync();
        var (topic, created) = await Store.PutTopicAsync("letters", Special, Cancellation);
        Assert.False(created);
        AssertSpecial(topic.Settings);
        AssertSpecial((await Store.FindTopicAsync("letters", Cancellation))!.Settings);
        AssertSpecial((await TopicStatusAsync()).Topic.Settings);

        await ReopenAsync();
        AssertSpecial((await Store.FindTopicAsync("letters", Cancellation))!.Settings);
    }

    [Fact]
    public async Task Retention_can_be_taken_back()
    {
        await TopicAsync(settings: Special);
        await TopicAsync(settings: Special with { Retention = null });
        Assert.Null((await TopicStatusAsync()).Topic.Settings.Retention);
    }

    [Fact]
    public async Task Names_differ_by_case()
    {
        var lower = await TopicAsync("letters");
        var upper = await TopicAsync("Letters");
        Assert.NotEqual(lower.Number, upper.Number);
        Assert.Null(await Store.FindTopicAsync("LETTERS", Cancellation));
    }

    [Fact]
    public async Task A_status_counts_what_the_topic_holds()
    {
        var createdAt = Clock.GetUtcNow();
        var topic = await TopicAsync();
        var before = await TopicStatusAsync();
        Assert.Equal((0, 0, null, 0), (before.Items, before.LastId, before.LastAddedAt, before.Subscriptions));

        Clock.Advance(TimeSpan.FromMinutes(1));
        await AppendAsync(topic, Keyed(1), Keyed(2), Keyed(1));
        await SubscribeAsync(topic);
        var after = await TopicStatusAsync();
        Assert.Equal((2, 2, Clock.GetUtcNow(), 1), (after.Items, after.LastId, after.LastAddedAt, after.Subscriptions));
        Assert.Equal(createdAt, after.CreatedAt);
    }

    [Fact]
    public async Task Topics_are_listed_by_name()
    {
        foreach (var name in (string[])["pear", "apple", "fig"])
            await TopicAsync(name);
        Assert.Equal(["apple", "fig", "pear"], (await Store.ListTopicsAsync(name: null, Cancellation)).Select(status => status.Topic.Name));
        Assert.Empty(await Store.ListTopicsAsync("plum", Cancellation));
    }

    [Fact]
    public async Task Deleting_says_whether_there_was_such_a_topic()
    {
        await TopicAsync();
        Assert.True(await Store.DeleteTopicAsync("letters", Cancellation));
        Assert.False(await Store.DeleteTopicAsync("letters", Cancellation));
        Assert.False(await Store.DeleteTopicAsync("unknown", Cancellation));
        Assert.Empty(await Store.ListTopicsAsync(name: null, Cancellation));
    }

    [Fact]
    public async Task A_deleted_topic_takes_its_subscriptions_along()
    {
        var topic = await TopicOfAsync(2);
        await FetchAsync(topic);
        await Store.DeleteTopicAsync("letters", Cancellation);
        Assert.Empty(await Store.ListSubscriptionsAsync(topic: null, name: null, Cancellation));
    }

    [Fact]
    public async Task A_deleted_topics_name_is_free_at_once_and_the_new_topic_starts_over()
    {
        var old = await TopicOfAsync(5);
        await FetchAsync(old, max: 3);
        await Store.DeleteTopicAsync("letters", Cancellation);

        var topic = await TopicAsync();
        Assert.NotEqual(old.Number, topic.Number);
        Assert.Empty(await AllItemsAsync(topic));
        Assert.Equal(new AppendOutcome(1, Added: true), await AppendAsync(topic, "1"));
        Assert.Equal([1], Ids(await FetchAsync(topic, max: 10)));

        // Also once the rows of the old one have gone.
        await PurgeAsync();
        Assert.Equal([1], Ids(await AllItemsAsync(topic)));
        Assert.Equal(1, (await TopicStatusAsync()).Items);
        Assert.Equal(new AppendOutcome(1, Added: false), await AppendAsync(topic, "1"));
    }

    [Fact]
    public async Task Nothing_works_on_a_topic_that_is_gone()
    {
        var topic = await TopicOfAsync(2);
        var token = (await FetchOneAsync(topic)).Token!.Value;
        await Store.DeleteTopicAsync("letters", Cancellation);

        Assert.Null(await Store.AppendAsync(topic, Many(1), Cancellation));
        Assert.Null(await Store.PutSubscriptionAsync(topic, Sub, Defaults, default, Cancellation));
        Assert.Empty((await FetchAsync(topic)).Deliveries);
        Assert.Equal([token], await AcknowledgeAsync(topic, token));
        Assert.Equal([token], (await NackAsync(topic, token)).Lost);
        Assert.Equal([token], await Store.ExtendAsync(topic, Sub, [token], Lease, Cancellation));
        Assert.Empty(await Store.ListSubscriptionsAsync(topic, name: null, Cancellation));
    }

    [Fact]
    public async Task The_number_of_a_topic_is_never_used_again()
    {
        var old = await TopicAsync();
        await Store.DeleteTopicAsync("letters", Cancellation);
        await PurgeAsync();
        await ReopenAsync();
        Assert.NotEqual(old.Number, (await TopicAsync()).Number);
    }

    [Fact]
    public async Task Appends_and_deletions_are_signalled()
    {
        var signals = new List<(string Topic, long LastId)>();
        Store.Appended = (topic, lastId) =>
        {
            lock (signals)
                signals.Add((topic.Name, lastId));
        };

        var topic = await TopicAsync();
        await AppendAsync(topic, Keyed(1), Keyed(2));
        await AppendAsync(topic, Keyed(1));
        await AppendAsync(topic, Keyed(3));
        await Store.DeleteTopicAsync("letters", Cancellation);
        await Store.DeleteTopicAsync("letters", Cancellation);
        await Store.DisposeAsync();
        Assert.Equal([("letters", 2), ("letters", 3), ("letters", long.MaxValue)], signals);
    }

    private static void AssertSpecial(TopicSettings settings)
    {
        Assert.Equal(Special.KeyPointers, settings.KeyPointers);
        Assert.Equal(Special.Window, settings.Window);
        Assert.Equal(Special.Retention, settings.Retention);
    }
}
