using System.Collections.Concurrent;
using System.Text.Json;
using Databus.Topics;

namespace Databus.StoreSuite;

public abstract class ReadingTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task Pages_lead_through_the_log_forwards()
    {
        var topic = await TopicOfAsync(25);
        Assert.Equal(Numbers(1, 25), await FollowPagesAsync(topic, new ItemQuery { Limit = 10 }));
        Assert.Equal(Numbers(8, 25), await FollowPagesAsync(topic, new ItemQuery { After = 7, Limit = 10 }));
    }

    [Fact]
    public async Task The_newest_come_first_when_read_backwards()
    {
        var topic = await TopicOfAsync(25);
        Assert.Equal(Numbers(1, 25).Reverse(), await FollowPagesAsync(topic, new ItemQuery { Before = long.MaxValue, Limit = 10 }));
        Assert.Equal([9, 8], Ids((await ReadAsync(topic, new ItemQuery { Before = 10, Limit = 2 })).Items));
        Assert.Equal([9, 8, 7], Ids((await ReadAsync(topic, new ItemQuery { Before = 10, After = 6 })).Items));
    }

    [Fact]
    public async Task A_page_that_reached_the_end_says_so()
    {
        var topic = await TopicOfAsync(3);
        Assert.Null((await ReadAsync(topic, new ItemQuery { Limit = 4 })).ScannedTo);
        Assert.Equal(2, (await ReadAsync(topic, new ItemQuery { Limit = 2 })).ScannedTo);
        Assert.Equal(2, (await ReadAsync(topic, new ItemQuery { Before = long.MaxValue, Limit = 2 })).ScannedTo);
    }

    [Theory]
    [InlineData(3L)]
    [InlineData(4L)]
    [InlineData(1L << 40)]
    [InlineData(long.MaxValue)]
    public async Task Behind_the_end_there_is_nothing(long after)
    {
        var topic = await TopicOfAsync(3);
        await AppendAsync(await TopicAsync("next"), Keyed("foreign"));
        var page = await ReadAsync(topic, new ItemQuery { After = after });
        Assert.Empty(page.Items);
        Assert.Null(page.ScannedTo);
    }

    [Theory]
    [InlineData(1L)]
    [InlineData(0L)]
    [InlineData(-1L)]
    [InlineData(long.MinValue)]
    public async Task Before_the_first_there_is_nothing(long before)
    {
        await AppendAsync(await TopicAsync("previous"), Keyed("foreign"));
        var topic = await TopicOfAsync(3);
        Assert.Empty((await ReadAsync(topic, new ItemQuery { Before = before })).Items);
        Assert.Equal([1, 2, 3], Ids((await ReadAsync(topic, new ItemQuery { After = Math.Min(before, 0) })).Items));
    }

    [Fact]
    public async Task A_page_is_bounded_in_bytes_and_holds_one_item_at_least()
    {
        var topic = await TopicAsync();
        var large = new string('x', 3 << 20);
        await AppendAsync(topic, [.. Enumerable.Range(1, 5).Select(key => WithContent($"{key}", $$"""{"n":{{key}},"large":"{{large}}"}"""))]);
        var page = await ReadAsync(topic, new ItemQuery());
        Assert.InRange(page.Items.Count, 1, 3);
        Assert.NotNull(page.ScannedTo);
        Assert.Equal([1, 2, 3, 4, 5], await FollowPagesAsync(topic, new ItemQuery()));
    }

    [Theory]
    [InlineData("""{"t":"Hello World"}""", "hello world")]
    [InlineData("""{"t":"hello"}""", "HELLO")]
    [InlineData("""{"t":"100% sure"}""", "100% s")]
    [InlineData("""{"t":"snake_case"}""", "snake_case")]
    [InlineData("""{"t":"wow!"}""", "wow!")]
    [InlineData("""{"t":"Grüße aus Köln"}""", "Grüße aus")]
    [InlineData("{\"t\":\"Gr\\u00fc\\u00DFe\"}", "Grüße")]
    [InlineData("{\"t\":\"\\ud83d\\ude42 smile\"}", "🙂 smile")]
    [InlineData("""{"t":"🙂 smile"}""", "🙂 smile")]
    [InlineData("""{"t":"say \"hi\" now"}""", "say \"hi\" now")]
    [InlineData("""{"t":"C:\\temp"}""", "C:\\temp")]
    [InlineData("""{"t":"x"}""", "\"t\":\"x\"")]
    public async Task Search_finds_text_however_it_was_written(string json, string text)
    {
        var topic = await TopicAsync();
        await AppendAsync(topic, Keyed("other"), WithContent("this", json), Keyed("another"));
        Assert.Equal([2], Ids((await ReadAsync(topic, new ItemQuery { Contains = text })).Items));
        Assert.Equal([2], Ids((await ReadAsync(topic, new ItemQuery { Contains = text, Before = long.MaxValue })).Items));
    }

    [Theory]
    [InlineData("a%c")]
    [InlineData("a_c")]
    [InlineData("%")]
    [InlineData("_")]
    [InlineData("!")]
    [InlineData("' OR 1=1 --")]
    public async Task Nothing_in_a_search_is_a_wildcard(string text)
    {
        var topic = await TopicAsync();
        await AppendAsync(topic, WithContent("k", """{"t":"abc"}"""));
        Assert.Empty((await ReadAsync(topic, new ItemQuery { Contains = text })).Items);
    }

    [Fact]
    public async Task Search_pages_like_reading_does()
    {
        var topic = await TopicAsync();
        await AppendAsync(topic, [.. Enumerable.Range(1, 30).Select(key => WithContent($"{key}", JsonSerializer.Serialize(new { even = key % 2 == 0 })))]);
        var even = Numbers(1, 30).Where(id => id % 2 == 0).ToArray();
        Assert.Equal(even, await FollowPagesAsync(topic, new ItemQuery { Contains = "true", Limit = 4 }));
        Assert.Equal(even.Reverse(), await FollowPagesAsync(topic, new ItemQuery { Contains = "true", Before = long.MaxValue, Limit = 4 }));
    }

    [Fact]
    public async Task A_search_scans_a_bounded_number_of_items_and_says_where_to_go_on()
    {
        const int count = 45_000;
        var topic = await TopicAsync();
        foreach (var some in Many(count).Chunk(5000))
            await AppendAsync(topic, some);
        await AppendAsync(topic, WithContent("last", """{"needle":true}"""));

        foreach (var before in (long?[])[null, long.MaxValue])
        {
            var query = new ItemQuery { Contains = before is null ? "needle" : "\"key\":\"1\"", Before = before };
            var (requests, found) = (0, new List<long>());
            for (long? from = before ?? 0; from is not null; requests++)
            {
                var page = await ReadAsync(topic, before is null ? query with { After = from.Value } : query with { Before = from });
                found.AddRange(Ids(page.Items));
                from = page.ScannedTo;
            }

            Assert.Equal([before is null ? count + 1 : 1], found);
            Assert.True(requests > 1, "One request went through everything.");
        }
    }

    [Fact]
    public async Task Readers_that_follow_by_after_see_each_id_once_and_in_order_while_others_append()
    {
        // P3: nothing skipped.
        const int senders = 8, perSender = 250, total = senders * perSender;
        var topic = await TopicAsync();
        var sending = Enumerable.Range(0, senders).Select(sender => Task.Run(
            async () =>
            {
                foreach (var some in Many(perSender, first: 1 + (sender * perSender)).Chunk(1 + (sender % 4)))
                    await AppendAsync(topic, some);
            },
            Cancellation)).ToArray();

        var seen = new ConcurrentBag<long[]>();
        var reading = Enumerable.Range(0, 4).Select(reader => Task.Run(
            async () =>
            {
                var mine = new List<long>();
                while (mine.Count < total)
                {
                    var after = mine.Count == 0 ? 0 : mine[^1];
                    mine.AddRange(Ids((await ReadAsync(topic, new ItemQuery { After = after, Limit = 7 + reader })).Items));
                }

                seen.Add([.. mine]);
            },
            Cancellation)).ToArray();

        await Task.WhenAll([.. sending, .. reading]);
        Assert.Equal(4, seen.Count);
        Assert.All(seen, ids => Assert.Equal(Numbers(1, total), ids));
    }

    [Fact]
    public async Task What_was_appended_is_there_for_whoever_reads_next()
    {
        var topic = await TopicAsync();
        for (var key = 1; key <= 100; key++)
        {
            await AppendAsync(topic, Keyed(key));
            Assert.Equal(key, Assert.Single((await ReadAsync(topic, new ItemQuery { After = key - 1 })).Items).Id);
        }
    }

    private Task<ItemPage> ReadAsync(Topic topic, ItemQuery query) => Store.ReadItemsAsync(topic, query, Cancellation);

    /// <summary>Reads page after page until one says that the end was reached.</summary>
    private async Task<IReadOnlyList<long>> FollowPagesAsync(Topic topic, ItemQuery query)
    {
        var ids = new List<long>();
        while (true)
        {
            var page = await ReadAsync(topic, query);
            Assert.InRange(page.Items.Count, 0, query.Limit);
            ids.AddRange(Ids(page.Items));
            if (page.ScannedTo is not { } next)
                return ids;
            query = query.Before is null ? query with { After = next } : query with { Before = next };
        }
    }
}
