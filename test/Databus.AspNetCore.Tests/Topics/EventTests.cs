using System.Text.Json;
using Databus.Nodes;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class EventTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    [Fact]
    public async Task The_first_frame_tells_when_to_come_back_and_where_the_reader_is()
    {
        await app.FillAsync(_topic, 3);

        using var events = await EventStream.OpenAsync(app, _topic);

        Assert.Equal("text/event-stream", events.Response.Content.Headers.ContentType?.MediaType);
        Assert.True(events.Response.Headers.CacheControl?.NoCache);
        Assert.Equal(new Frame("3", Data: null, "2000", Comment: null), await events.NextAsync());
    }

    [Fact]
    public async Task Without_a_start_only_new_items_come_and_look_as_in_the_log()
    {
        await app.FillAsync(_topic, 3);
        using var events = await EventStream.OpenAsync(app, _topic);
        await events.NextAsync();

        await app.AddAsync(_topic, """{"text":"line\nbreak <b>\u2028</b>"}""");

        var frame = await events.NextAsync();
        Assert.Equal("4", frame?.Id);
        var item = (await app.GetAsync($"/api/v1/topics/{_topic}/items?after=3")).List("items").Single();
        Assert.True(JsonElement.DeepEquals(item, JsonElement.Parse(frame!.Data!)));
    }

    [Theory]
    [InlineData("?after=2", null)]
    [InlineData("", "2")]
    [InlineData("?after=0", "2")]
    public async Task A_reader_goes_on_behind_the_last_id_it_saw(string query, string? lastEventId)
    {
        await app.FillAsync(_topic, 5);

        using var events = await EventStream.OpenAsync(app, _topic, query, lastEventId);

        Assert.Equal("2", (await events.NextAsync())?.Id);
        Assert.Equal(["3", "4", "5"], await events.NextIdsAsync(3));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    [InlineData("1e3")]
    public async Task A_bad_start_is_named(string id)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        (await app.GetAsync($"/api/v1/topics/{_topic}/events?after={id}")).MustBeProblem(400, "invalid", "after");
        (await app.GetAsync($"/api/v1/topics/{_topic}/events", ("Last-Event-ID", id))).MustBeProblem(400, "invalid", "after");
    }

    [Fact]
    public async Task Many_items_come_in_order_over_batches()
    {
        await app.FillAsync(_topic, 5000);

        using var events = await EventStream.OpenAsync(app, _topic, "?after=0");

        Assert.Equal(Enumerable.Range(1, 5000).Select(id => id.ToString()), await events.NextIdsAsync(5000));
    }

    [Fact]
    public async Task The_stream_ends_when_its_topic_is_deleted()
    {
        await app.FillAsync(_topic, 1);
        using var events = await EventStream.OpenAsync(app, _topic);
        await events.NextAsync();

        await app.DeleteAsync($"/api/v1/topics/{_topic}");

        Assert.Null(await events.NextAsync());
    }

    [Fact]
    public async Task Where_nothing_happens_a_comment_comes_every_15_seconds()
    {
        var clock = new FakeClock();
        await using var still = await DatabusApp.StartAsync(new AppSetup { Clock = clock, Node = node => node.Roles = NodeRoles.Api });
        await still.FillAsync("t", 1);
        using var events = await EventStream.OpenAsync(still, "t");
        await events.NextAsync();

        // Nobody else waits this long: a node that is only an api has no purge.
        for (var i = 0; i < 3; i++)
        {
            await clock.WhenTimerInAsync(TimeSpan.FromSeconds(15));
            clock.Advance(TimeSpan.FromSeconds(15));
            Assert.Equal("nothing new", (await events.NextAsync())?.Comment);
        }

        await still.AddAsync("t", """{"a":1}""");
        Assert.Equal("2", (await events.NextAsync())?.Id);
    }

    [Fact]
    public async Task Beyond_the_limit_of_live_views_a_reader_is_told_to_come_back()
    {
        await using var small = await DatabusApp.StartAsync(new AppSetup { Http = http => http.MaxLiveViews = 2 });
        await small.FillAsync("t", 1);
        using var first = await EventStream.OpenAsync(small, "t");
        using (await EventStream.OpenAsync(small, "t"))
        {
            var refused = await small.GetAsync("/api/v1/topics/t/events");
            refused.MustBeProblem(429, "too-many", limit: 2);
            Assert.True(int.Parse(refused.Header("Retry-After")!) > 0);
        }

        // The place of one who left is free again.
        while ((await small.Http.GetAsync("/api/v1/topics/t/events", HttpCompletionOption.ResponseHeadersRead)).StatusCode != System.Net.HttpStatusCode.OK)
            await Task.Yield();
    }

    [Fact]
    public async Task A_stop_of_the_server_ends_the_stream()
    {
        await using var stopping = await DatabusApp.StartAsync(new AppSetup());
        await stopping.FillAsync("t", 1);
        using var events = await EventStream.OpenAsync(stopping, "t");
        await events.NextAsync();

        await stopping.StopAsync();

        Assert.Null(await events.NextAsync());
    }

    [Fact]
    public async Task Readers_that_reconnect_under_concurrent_appends_see_every_id_once_in_order()
    {
        const int Senders = 8, PerSender = 250, Total = Senders * PerSender;
        await app.PutAsync($"/api/v1/topics/{_topic}");

        var senders = Enumerable.Range(0, Senders).Select(async sender =>
        {
            for (var n = 0; n < PerSender; n++)
                await app.AddAsync(_topic, $$"""{"sender":{{sender}},"n":{{n}}}""");
        });
        var readers = Enumerable.Range(1, 4).Select(reader => FollowAsync(reader));
        var pager = PageAsync();
        await Task.WhenAll(senders);

        var expected = Enumerable.Range(1, Total).Select(id => (long)id);
        foreach (var seen in await Task.WhenAll([.. readers, pager]))
            Assert.Equal(expected, seen);

        async Task<List<long>> FollowAsync(int reader)
        {
            var random = new Random(reader);
            var seen = new List<long>();
            while (seen.Count < Total)
            {
                var last = seen.Count == 0 ? "0" : seen[^1].ToString();
                using var events = reader % 2 == 0
                    ? await EventStream.OpenAsync(app, _topic, lastEventId: last)
                    : await EventStream.OpenAsync(app, _topic, $"?after={last}");
                foreach (var id in await events.NextIdsAsync(Math.Min(random.Next(1, 300), Total - seen.Count)))
                    seen.Add(long.Parse(id));
            }

            return seen;
        }

        async Task<List<long>> PageAsync()
        {
            var seen = new List<long>();
            while (seen.Count < Total)
            {
                var page = await app.GetAsync($"/api/v1/topics/{_topic}/items?limit=7&after={(seen.Count == 0 ? 0 : seen[^1])}");
                seen.AddRange(page.List("items").Select(item => long.Parse(item.GetProperty("id").GetString()!)));
            }

            return seen;
        }
    }
}
