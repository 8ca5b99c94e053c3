using System.Text;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class LinesTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const int LongestLine = 1 << 20;

    [Theory]
    [InlineData("{\"n\":1}\n{\"n\":2}\n", 2)]
    [InlineData("{\"n\":1}\n{\"n\":2}", 2)]
    [InlineData("{\"n\":1}\r\n{\"n\":2}\r\n", 2)]
    [InlineData("\n\n{\"n\":1}\n \t\r\n\n{\"n\":2}\n\n", 2)]
    [InlineData("  {\"n\":1}  \n", 1)]
    [InlineData("\n", 0)]
    [InlineData("", 0)]
    public async Task Each_line_that_is_not_blank_is_an_item(string lines, int added)
    {
        var topic = NewTopic();
        var answer = await app.PostLinesAsync(topic, lines);

        Assert.Equal(200, answer.Status);
        Assert.Equal($$"""{"added":{{added}},"duplicates":0,"invalid":0,"errors":[]}""", answer.Text);
        var items = await app.GetAsync($"/api/v1/topics/{topic}/items");
        Assert.Equal(added, items.Status == 404 ? 0 : items.List("items").Length);
    }

    [Theory]
    [InlineData("application/ndjson")]
    [InlineData("application/jsonl")]
    [InlineData("application/x-ndjson; charset=utf-8")]
    [InlineData("APPLICATION/X-NDJSON")]
    public async Task Lines_by_any_of_their_names_are_taken(string type)
    {
        var answer = await app.PostAsync($"/api/v1/topics/{NewTopic()}/items", "{\"n\":1}\n{\"n\":2}"u8.ToArray(), type);

        Assert.Equal(2, answer.Number("added"));
    }

    [Fact]
    public async Task Bad_lines_are_counted_and_told_with_their_numbers_while_the_others_are_added()
    {
        var answer = await app.PostLinesAsync(NewTopic(), "{\"n\":1}\n\nno json\n[1]\n{}\n{\"n\":2}\n{\"n\":1}\n{\"a\":1,\"a\":2}");

        Assert.Equal((200, 2, 1, 4), (answer.Status, answer.Number("added"), answer.Number("duplicates"), answer.Number("invalid")));
        Assert.Equal([3, 4, 5, 8], Lines(answer));
        var errors = answer.List("errors").Select(error => error.GetProperty("error").GetString()!).ToArray();
        Assert.StartsWith("Invalid JSON format. ", errors[0], StringComparison.Ordinal);
        Assert.Equal(["JSON object expected, got list", "Content is required", "Duplicate member name"], errors[1..]);
    }

    [Fact]
    public async Task Only_the_first_20_errors_are_told()
    {
        var answer = await app.PostLinesAsync(NewTopic(), string.Concat(Enumerable.Repeat("x\n", 2500)));

        Assert.Equal(2500, answer.Number("invalid"));
        Assert.Equal(Enumerable.Range(1, 20).Select(line => (long)line), Lines(answer));
    }

    [Theory]
    [InlineData(0, "\n")]
    [InlineData(1, "\n")]
    [InlineData(2, "\n")]
    [InlineData(2, "")]
    public async Task A_line_that_is_too_long_is_passed_over(int at, string end)
    {
        List<string> lines = ["{\"n\":1}", "{\"n\":2}"];
        lines.Insert(at, "{\"a\":\"" + new string('x', 3 * LongestLine) + "\"}");

        var answer = await app.PostLinesAsync(NewTopic(), string.Join('\n', lines) + end);

        Assert.Equal((200, 2, 1), (answer.Status, answer.Number("added"), answer.Number("invalid")));
        Assert.Equal([at + 1], Lines(answer));
        Assert.Contains(LongestLine.ToString(), answer.List("errors")[0].GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1, 0)]
    [InlineData(1, 0, 1)]
    public async Task The_longest_line_is_an_item_and_one_byte_more_is_not(int above, int added, int invalid)
    {
        var line = "{\"a\":\"" + new string('x', LongestLine + above - "{\"a\":\"\"}".Length) + "\"}";
        foreach (var end in (string[])["", "\n"])
        {
            var answer = await app.PostLinesAsync(NewTopic(), line + end);
            Assert.Equal((added, invalid), (answer.Number("added"), answer.Number("invalid")));
        }
    }

    [Fact]
    public async Task Lines_that_arrive_byte_by_byte_are_read_all_the_same()
    {
        using var content = new UnknownLength(Encoding.UTF8.GetBytes("{\"text\":\"größer\"}\r\n\r\nbad\n{\"n\":2}\n{\"n\":3}"), pieceBytes: 1);

        var answer = await app.SendAsync(HttpMethod.Post, $"/api/v1/topics/{NewTopic()}/items", DatabusApp.Typed(content, "application/x-ndjson"));

        Assert.Equal((200, 3, 1), (answer.Status, answer.Number("added"), answer.Number("invalid")));
        Assert.Equal([3], Lines(answer));
    }

    [Fact]
    public async Task Many_batches_keep_their_order()
    {
        const int Count = 30_000;
        var topic = NewTopic();
        await app.FillAsync(topic, Count);

        var expected = 1;
        for (var after = "0"; expected <= Count;)
        {
            var items = (await app.GetAsync($"/api/v1/topics/{topic}/items?limit=1000&after={after}")).List("items");
            foreach (var item in items)
                Assert.Equal(expected++, item.GetProperty("content").GetProperty("n").GetInt32());
            after = items[^1].GetProperty("id").GetString();
        }
    }

    [Fact]
    public async Task A_body_far_above_the_limit_of_a_body_is_no_matter_for_lines()
    {
        await using var small = await DatabusApp.StartAsync(new AppSetup { Http = http => http.MaxBodyBytes = http.MaxItemBytes = 1000 });

        var lines = string.Concat(Enumerable.Range(1, 20_000).Select(n => $$"""{"n":{{n}}}""" + "\n"));
        var answer = await small.PostLinesAsync("t", lines);

        Assert.Equal(20_000, answer.Number("added"));
    }

    [Fact]
    public async Task What_a_client_sent_before_it_vanished_is_added_in_order_and_nothing_breaks()
    {
        const int Sent = 5000;
        var topic = NewTopic();
        using (var connection = await RawConnection.OpenAsync(app))
        {
            await connection.SendHeadAsync(
                $"POST /api/v1/topics/{topic}/items HTTP/1.1", $"Host: localhost:{app.Address.Port}", "Content-Type: application/x-ndjson", "Content-Length: 100000000");
            await connection.SendAsync(string.Concat(Enumerable.Range(1, Sent).Select(n => $$"""{"n":{{n}}}""" + "\n")));

            // The first batches are seen while the request is still open.
            using var events = await OpenWhenThereAsync(topic);
            await events.NextIdsAsync(1000);
            connection.Reset();
        }

        var items = (await app.GetAsync($"/api/v1/topics/{topic}/items?limit=1000")).List("items");
        Assert.Equal(Enumerable.Range(1, 1000), items.Select(item => item.GetProperty("content").GetProperty("n").GetInt32()));

        // Sent again, what was there is a duplicate and the rest comes.
        var again = await app.PostLinesAsync(topic, string.Concat(Enumerable.Range(1, Sent).Select(n => $$"""{"n":{{n}}}""" + "\n")));
        Assert.Equal(Sent, again.Number("added") + again.Number("duplicates"));
        Assert.Equal(Sent, (await app.GetAsync($"/api/v1/topics/{topic}")).Number("items"));
    }

    [Fact]
    public async Task A_stream_waits_where_the_store_is_busy()
    {
        var refusals = 3;
        await using var busy = await DatabusApp.StartAsync(new AppSetup
        {
            Store = store => StoreFaults.Before(store, verb => verb == "AppendAsync" && Interlocked.Decrement(ref refusals) >= 0
                ? new Storage.StoreException(Storage.StoreProblem.Busy, "Busy.")
                : null),
        });

        var answer = await busy.PostLinesAsync("t", "{\"n\":1}\n{\"n\":2}");

        Assert.Equal((200, 2), (answer.Status, answer.Number("added")));
    }

    [Fact]
    public async Task A_stream_that_has_to_stop_tells_how_far_it_got()
    {
        var batches = 0;
        await using var full = await DatabusApp.StartAsync(new AppSetup
        {
            Store = store => StoreFaults.Before(store, verb => verb == "AppendAsync" && Interlocked.Increment(ref batches) > 2
                ? new Storage.StoreException(Storage.StoreProblem.DiskFull, "The disk is full.")
                : null),
        });

        var answer = await full.PostLinesAsync("t", string.Concat(Enumerable.Range(1, 10_000).Select(n => $$"""{"n":{{n}}}""" + "\nx\n")));

        answer.MustBeProblem(507, "disk-full");
        Assert.NotNull(answer.Header("Retry-After"));
        var added = answer.Number("added");
        Assert.Equal((await full.GetAsync("/api/v1/topics/t")).Number("items"), added);
        Assert.True(added > 0);
        Assert.InRange(answer.Number("lines"), 2 * added - 1, 2 * added);
        Assert.InRange(answer.Number("invalid"), added - 1, added);
    }

    private static string NewTopic() => "t" + Guid.NewGuid().ToString("n");

    private static IEnumerable<long> Lines(Answer answer) => answer.List("errors").Select(error => error.GetProperty("line").GetInt64());

    private async Task<EventStream> OpenWhenThereAsync(string topic)
    {
        while ((await app.GetAsync($"/api/v1/topics/{topic}")).Status == 404)
            await Task.Yield();
        return await EventStream.OpenAsync(app, topic, "?after=0");
    }
}
