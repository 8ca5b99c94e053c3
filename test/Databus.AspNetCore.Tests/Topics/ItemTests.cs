using System.Text.Json;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class ItemTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    [Fact]
    public async Task An_item_shows_what_was_sent_and_when()
    {
        await app.AddAsync(_topic, """{ "b" : 1.50, "a" : "\u00e9" }""");

        var answer = await app.GetAsync($"/api/v1/topics/{_topic}/items");

        var item = answer.List("items").Single();
        Assert.Equal(["id", "key", "content", "source", "addedAt"], item.EnumerateObject().Select(member => member.Name));
        Assert.Equal("""{"b":1.50,"a":"\u00e9"}""", item.GetProperty("content").GetRawText());
        Assert.Matches("^[0-9a-f]{64}$", item.GetProperty("key").GetString());
        Assert.Equal(JsonValueKind.Null, item.GetProperty("source").ValueKind);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", item.GetProperty("addedAt").GetString());
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("scannedTo").ValueKind);
    }

    [Fact]
    public async Task Pages_upwards_hold_every_item_once()
    {
        await app.FillAsync(_topic, 25);
        var seen = new List<int>();

        string? after = "0";
        while (after is not null)
        {
            var page = await app.GetAsync($"/api/v1/topics/{_topic}/items?limit=10&after={after}");
            seen.AddRange(Numbers(page));
            after = page.Json.GetProperty("scannedTo").GetString();
        }

        Assert.Equal(Enumerable.Range(1, 25), seen);
    }

    [Fact]
    public async Task Pages_downwards_begin_with_the_newest()
    {
        await app.FillAsync(_topic, 25);
        var seen = new List<int>();

        string? before = "latest";
        while (before is not null)
        {
            var page = await app.GetAsync($"/api/v1/topics/{_topic}/items?limit=10&before={before}");
            seen.AddRange(Numbers(page));
            before = page.Json.GetProperty("scannedTo").GetString();
        }

        Assert.Equal(Enumerable.Range(1, 25).Reverse(), seen);
    }

    [Fact]
    public async Task A_search_finds_text_in_any_case_and_tells_where_to_go_on()
    {
        // More than one request may scan.
        const int Count = 25_000;
        await app.PostLinesAsync(_topic, string.Concat(Enumerable.Range(1, Count).Select(n => $$"""{"n":{{n}},"t":"{{(n is 1 or Count ? "NEEDLE" : "hay")}}"}""" + "\n")));

        var first = await app.GetAsync($"/api/v1/topics/{_topic}/items?q=needle");
        var scannedTo = first["scannedTo"];
        var second = await app.GetAsync($"/api/v1/topics/{_topic}/items?q=Needle&after={scannedTo}");

        Assert.Equal([1], Numbers(first));
        Assert.InRange(long.Parse(scannedTo), 2, Count - 1);
        Assert.Equal([Count], Numbers(second));
        Assert.Equal(JsonValueKind.Null, second.Json.GetProperty("scannedTo").ValueKind);
    }

    [Theory]
    [InlineData("100%25", 1)]
    [InlineData("a_b", 1)]
    [InlineData("[x]", 1)]
    [InlineData("%22t%22", 3)]
    [InlineData("nothing", 0)]
    [InlineData("*", 0)]
    public async Task A_search_takes_every_character_as_itself(string q, int count)
    {
        await app.PostLinesAsync(_topic, """
            {"t":"100%"}
            {"t":"a_b"}
            {"t":"[x]"}
            """);

        Assert.Equal(count, (await app.GetAsync($"/api/v1/topics/{_topic}/items?q={q}")).List("items").Length);
    }

    [Theory]
    [InlineData("after=x", "after", null)]
    [InlineData("after=-1", "after", null)]
    [InlineData("after=1.5", "after", null)]
    [InlineData("after=99999999999999999999", "after", null)]
    [InlineData("before=x", "before", null)]
    [InlineData("limit=0", "limit", 1000L)]
    [InlineData("limit=1001", "limit", 1000L)]
    [InlineData("limit=x", "limit", 1000L)]
    [InlineData("q=%00", "q", null)]
    [InlineData("q=a%0Ab", "q", null)]
    public async Task A_bad_parameter_is_named(string query, string field, long? limit)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        (await app.GetAsync($"/api/v1/topics/{_topic}/items?{query}")).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task A_search_text_that_is_too_long_is_refused_with_the_limit()
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        (await app.GetAsync($"/api/v1/topics/{_topic}/items?q={new string('q', 201)}")).MustBeProblem(400, "invalid", "q", 200);
    }

    [Theory]
    [InlineData("after=9223372036854775807", 0)]
    [InlineData("before=9223372036854775807", 3)]
    [InlineData("before=0", 0)]
    [InlineData("after=&before=&limit=&q=", 3)]
    public async Task The_ends_of_all_ids_are_ids_too(string query, int count)
    {
        await app.FillAsync(_topic, 3);

        var answer = await app.GetAsync($"/api/v1/topics/{_topic}/items?{query}");

        Assert.Equal((200, count), (answer.Status, answer.List("items").Length));
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("scannedTo").ValueKind);
    }

    private static IEnumerable<int> Numbers(Answer page) =>
        page.List("items").Select(item => item.GetProperty("content").GetProperty("n").GetInt32());
}
