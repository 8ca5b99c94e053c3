using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>P2: once per key and window.</summary>
public abstract class AppendTests(StoreHome home) : StoreTests(home)
{
    private static readonly TopicSettings OneHour = new() { Window = TimeSpan.FromHours(1) };

    [Fact]
    public async Task Ids_start_at_one_and_have_no_holes()
    {
        var topic = await TopicAsync();
        Assert.Equal([(1L, true), (2L, true)], (await AppendAsync(topic, Many(2))).Select(o => (o.Id, o.Added)));

        // Duplicates and empty calls use up none.
        await AppendAsync(topic, Many(2));
        Assert.Empty(await AppendAsync(topic));
        Assert.Equal(new AppendOutcome(3, Added: true), await AppendAsync(topic, "next"));
        Assert.Equal([1, 2, 3], Ids(await AllItemsAsync(topic)));
    }

    [Fact]
    public async Task An_item_is_kept_as_it_was_given()
    {
        var topic = await TopicAsync();
        var item = WithContent("k-1", """{"title":"Grüße 🙂 \u0000","n":1e400}""") with { Source = "news" };
        await AppendAsync(topic, item, Keyed(2) with { Key = null });

        var items = await AllItemsAsync(topic);
        Assert.Equal(item.Content, items[0].Content);
        Assert.Equal(("k-1", "news", Clock.GetUtcNow()), (items[0].Key, items[0].Source, items[0].AddedAt));
        Assert.Equal((null, null), (items[1].Key, items[1].Source));
    }

    [Fact]
    public async Task A_duplicate_names_the_item_that_is_there()
    {
        var topic = await TopicOfAsync(3);
        Assert.Equal(new AppendOutcome(2, Added: false), await AppendAsync(topic, "2"));
        Assert.Equal([1, 2, 3], Ids(await AllItemsAsync(topic)));
    }

    [Fact]
    public async Task Duplicates_within_one_call_name_the_first_of_them()
    {
        var topic = await TopicAsync();
        var outcomes = await AppendAsync(topic, Keyed("a"), Keyed("b"), Keyed("a"), Keyed("a"), Keyed("c"));
        Assert.Equal([(1, true), (2, true), (1, false), (1, false), (3L, true)], outcomes.Select(o => (o.Id, o.Added)));
    }

    [Fact]
    public async Task A_key_is_taken_in_its_own_topic_only()
    {
        var letters = await TopicAsync("letters");
        var numbers = await TopicAsync("numbers");
        Assert.True((await AppendAsync(letters, "a")).Added);
        Assert.Equal(new AppendOutcome(1, Added: true), await AppendAsync(numbers, "a"));
        Assert.Equal([1], Ids(await AllItemsAsync(letters)));
    }

    [Fact]
    public async Task A_key_is_free_again_when_the_window_ends_and_not_a_millisecond_earlier()
    {
        var topic = await TopicAsync(settings: OneHour);
        await AppendAsync(topic, "a");

        Clock.Advance(OneHour.Window - Millisecond);
        Assert.Equal(new AppendOutcome(1, Added: false), await AppendAsync(topic, "a"));
        Clock.Advance(Millisecond);
        Assert.Equal(new AppendOutcome(2, Added: true), await AppendAsync(topic, "a"));
    }

    [Fact]
    public async Task A_window_starts_with_the_item_and_not_with_its_last_duplicate()
    {
        var topic = await TopicAsync(settings: OneHour);
        await AppendAsync(topic, "a");
        Clock.Advance(OneHour.Window - Millisecond);
        await AppendAsync(topic, "a");
        Clock.Advance(Millisecond);
        Assert.True((await AppendAsync(topic, "a")).Added);

        // Taken anew, the key has a whole window again.
        Clock.Advance(OneHour.Window - Millisecond);
        Assert.Equal(new AppendOutcome(2, Added: false), await AppendAsync(topic, "a"));
    }

    [Fact]
    public async Task A_key_that_never_expires_stays_taken()
    {
        var topic = await TopicAsync(settings: OneHour);
        await AppendAsync(topic, Keyed("a") with { KeyNeverExpires = true });
        Clock.Advance(TimeSpan.FromDays(36_500));
        await PurgeAsync();
        Assert.Equal(new AppendOutcome(1, Added: false), await AppendAsync(topic, "a"));
    }

    [Fact]
    public async Task A_changed_window_holds_for_what_is_appended_from_then_on()
    {
        var topic = await TopicAsync(settings: OneHour);
        await AppendAsync(topic, "old");
        await TopicAsync(settings: new TopicSettings { Window = TimeSpan.FromMinutes(1) });

        // Appends with a topic from before the change follow the change.
        await AppendAsync(topic, "new");
        Clock.Advance(TimeSpan.FromMinutes(1));
        Assert.False((await AppendAsync(topic, "old")).Added);
        Assert.True((await AppendAsync(topic, "new")).Added);
    }

    [Fact]
    public async Task Of_concurrent_appends_with_the_same_keys_each_key_is_taken_once()
    {
        const int senders = 32, keys = 200;
        var topic = await TopicAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(
            async () =>
            {
                var found = new List<(int Key, AppendOutcome Outcome)>();
                var order = new Random(sender);
                var mine = Enumerable.Range(1, keys).ToArray();
                order.Shuffle(mine);
                foreach (var some in mine.Chunk(1 + (sender % 5)))
                {
                    var answers = await AppendAsync(topic, [.. some.Select(Keyed)]);
                    found.AddRange(some.Zip(answers));
                }

                return found;
            },
            Cancellation)));

        var items = await AllItemsAsync(topic);
        Assert.Equal(Numbers(1, keys), Ids(items));
        var idOf = items.ToDictionary(item => int.Parse(item.Key!), item => item.Id);
        Assert.Equal(keys, idOf.Count);
        foreach (var ofOneKey in outcomes.SelectMany(found => found).GroupBy(found => found.Key))
        {
            Assert.Equal(senders, ofOneKey.Count());
            Assert.Single(ofOneKey, found => found.Outcome.Added);
            Assert.All(ofOneKey, found => Assert.Equal(idOf[ofOneKey.Key], found.Outcome.Id));
        }
    }

    [Fact]
    public async Task Concurrent_appends_to_many_topics_number_each_topic_by_itself()
    {
        var topics = new List<Topic>();
        foreach (var number in Enumerable.Range(1, 8))
            topics.Add(await TopicAsync($"topic-{number}"));
        await Task.WhenAll(topics.SelectMany(topic => Enumerable.Range(1, 25).Select(key => AppendAsync(topic, Keyed(key)))));
        foreach (var topic in topics)
            Assert.Equal(Numbers(1, 25), Ids(await AllItemsAsync(topic)));
    }

    [Fact]
    public async Task Creating_one_topic_from_many_sides_gives_one_topic()
    {
        var put = await Task.WhenAll(Enumerable.Range(0, 32).Select(_ => Store.PutTopicAsync("letters", settings: null, Cancellation)));
        Assert.Single(put, one => one.Created);
        Assert.Single(put.Select(one => one.Topic.Number).Distinct());
    }
}
