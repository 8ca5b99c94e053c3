using System.Text;
using System.Text.Json;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class AddTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const int DeepestNesting = 64;
    private const int LongestKey = 1024;

    [Fact]
    public async Task A_new_object_is_answered_as_the_reference_system_does()
    {
        var answer = await app.PostAsync("/add", """{"title":"Two rooms"}""");

        Assert.Equal((201, "application/json"), (answer.Status, answer.Type));
        Assert.Equal("Data added successfully", answer["message"]);
        Assert.Equal("default", answer["topic"]);
        Assert.Equal(3, answer.Json.EnumerateObject().Count());
        Assert.True(long.Parse(answer["id"]) > 0);
    }

    [Fact]
    public async Task A_duplicate_names_the_item_that_is_there()
    {
        var id = await app.AddAsync("twice", """{"a":1,"b":[2,3]}""");

        var answer = await app.PostAsync("/add?topic=twice", """{ "b": [2.0, 3e0], "\u0061": 1 }""");

        answer.MustBeProblem(409, "duplicate");
        Assert.Equal("Duplicate data", answer.Error);
        Assert.Equal(id, answer["id"]);
    }

    [Theory]
    [InlineData("{\"a\":", "Invalid JSON format")]
    [InlineData("no json", "Invalid JSON format")]
    [InlineData("{\"a\":1} x", "Invalid JSON format")]
    [InlineData("{\"a\":1,}", "Invalid JSON format")]
    [InlineData("{\"a\":1}{\"a\":2}", "Invalid JSON format")]
    [InlineData("[{\"a\":1}]", "JSON object expected, got list")]
    [InlineData("\"text\"", "JSON object expected, got string")]
    [InlineData("5", "JSON object expected, got number")]
    [InlineData("true", "JSON object expected, got boolean")]
    [InlineData("null", "JSON object expected, got null")]
    [InlineData("{}", "Content is required")]
    [InlineData(" \r\n\t{ } ", "Content is required")]
    [InlineData(" \r\n\t", "Content is required")]
    [InlineData("", "Content is required")]
    [InlineData("{\"a\":1,\"\\u0061\":2}", "Duplicate member name")]
    [InlineData("{\"a\":{\"b\":1,\"b\":1}}", "Duplicate member name")]
    [InlineData("{\"a\":\"\\ud800\"}", "Lone surrogate in a string")]
    [InlineData("{\"\\udc00\":1}", "Lone surrogate in a string")]
    [InlineData("{\"a\":1e400}", "Number out of range")]
    public async Task Bad_content_is_refused_with_one_sentence(string body, string sentence)
    {
        var answer = await app.PostAsync("/add?topic=refused", Encoding.UTF8.GetBytes(body), "application/json");

        answer.MustBeProblem(400, "content", "body");
        Assert.Equal(sentence, answer.Error);
    }

    [Theory]
    [InlineData("EFBBBF7B2261223A317D")] // a byte order mark
    [InlineData("7B2261223A22FF227D")] // FF inside a string
    [InlineData("7B2261223A22C3227D")] // half a character
    [InlineData("7B2261223A22EDA080227D")] // a surrogate as UTF-8
    [InlineData("FFFE7B0022006100220000")] // UTF-16
    public async Task Other_bytes_than_UTF_8_without_a_byte_order_mark_are_refused(string hex)
    {
        var answer = await app.PostAsync("/add?topic=refused", Convert.FromHexString(hex), "application/json");

        answer.MustBeProblem(400, "content", "body");
        Assert.Equal("Invalid JSON format", answer.Error);
    }

    [Fact]
    public async Task The_deepest_nesting_is_taken_and_one_more_is_refused_with_the_limit()
    {
        var deepest = await app.PostAsync("/add?topic=deep", Nested(DeepestNesting));
        var deeper = await app.PostAsync("/add?topic=deep", Nested(DeepestNesting + 1));

        Assert.Equal(201, deepest.Status);
        deeper.MustBeProblem(400, "content", "body", DeepestNesting);
    }

    [Fact]
    public async Task The_largest_item_is_taken_and_one_byte_more_is_refused_with_the_limit()
    {
        const int Limit = 1 << 20;
        var largest = await app.PostAsync("/add?topic=large", OfLength(Limit));
        var larger = await app.PostAsync("/add?topic=large", OfLength(Limit + 1));

        Assert.Equal(201, largest.Status);
        larger.MustBeProblem(413, "too-large", "body", Limit);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(300_000)]
    [InlineData(4_000_000)]
    public async Task A_body_in_chunks_that_is_too_large_is_refused_with_the_limit(int above)
    {
        const int Limit = 1 << 20;
        using var content = new UnknownLength(Encoding.UTF8.GetBytes(OfLength(Limit + above)));

        var answer = await app.SendAsync(HttpMethod.Post, "/add?topic=chunks", DatabusApp.Typed(content, "application/json"));

        answer.MustBeProblem(413, "too-large", "body", Limit);
    }

    [Fact]
    public async Task The_framing_of_chunks_does_not_count()
    {
        using var content = new UnknownLength(Encoding.UTF8.GetBytes(OfLength(1 << 20)), pieceBytes: 100);

        var answer = await app.SendAsync(HttpMethod.Post, "/add?topic=chunks", DatabusApp.Typed(content, "application/json"));

        Assert.Equal(201, answer.Status);
    }

    [Fact]
    public async Task A_body_in_chunks_is_taken_like_any_other()
    {
        using var content = new UnknownLength("""{"in":"chunks"}"""u8.ToArray());

        var answer = await app.SendAsync(HttpMethod.Post, "/add?topic=chunks", DatabusApp.Typed(content, "application/json"));

        Assert.Equal(201, answer.Status);
        Assert.Equal(409, (await app.PostAsync("/add?topic=chunks", """{"in":"chunks"}""")).Status);
    }

    [Fact]
    public async Task A_huge_string_is_kept_to_the_last_character()
    {
        var text = string.Concat(Enumerable.Repeat("é😀\\u0000", 40_000));
        await app.AddAsync("huge", $$"""{"text":"{{text}}"}""");

        var content = (await app.GetAsync("/api/v1/topics/huge/items")).List("items").Single().GetProperty("content");

        Assert.Equal(text.Replace("\\u0000", "\0", StringComparison.Ordinal), content.GetProperty("text").GetString());
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("application/xml")]
    [InlineData("application/x-ndjson")]
    public async Task Another_type_of_content_is_refused(string type)
    {
        var answer = await app.PostAsync("/add?topic=types", """{"a":1}"""u8.ToArray(), type);

        answer.MustBeProblem(415, "media-type", "Content-Type");
        Assert.Contains(type, answer.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("application/json")]
    [InlineData("Application/JSON; charset=utf-8")]
    [InlineData("application/vnd.listing+json;v=2")]
    public async Task JSON_by_any_of_its_names_is_taken(string? type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["type"] = type ?? "none" });

        Assert.Equal(201, (await app.PostAsync("/add?topic=types", body, type)).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".hidden")]
    [InlineData("-dash")]
    [InlineData("with space")]
    [InlineData("a/b")]
    [InlineData("größe")]
    public async Task A_topic_with_a_bad_name_is_refused(string topic)
    {
        var answer = await app.PostAsync($"/add?topic={Uri.EscapeDataString(topic)}", """{"a":1}""");

        answer.MustBeProblem(400, "invalid", "topic");
    }

    [Fact]
    public async Task A_topics_name_may_have_100_characters()
    {
        var longest = await app.PostAsync($"/add?topic={new string('n', 100)}", """{"a":1}""");
        var longer = await app.PostAsync($"/add?topic={new string('n', 101)}", """{"a":1}""");

        Assert.Equal(201, longest.Status);
        longer.MustBeProblem(400, "invalid", "topic", 100);
    }

    [Theory]
    [InlineData("order-7", "order-7")]
    [InlineData("\"order-7\"", "order-7")]
    [InlineData("\"with \\\"quotes\\\" and \\\\\"", "with \"quotes\" and \\")]
    [InlineData("  spaced out  ", "spaced out")]
    public async Task A_given_key_decides_whatever_the_content_is(string header, string key)
    {
        var topic = "given" + Convert.ToHexString(Encoding.UTF8.GetBytes(header));
        var first = await app.PostAsync($"/add?topic={topic}", """{"a":1}""", ("Idempotency-Key", header));
        var second = await app.PostAsync($"/add?topic={topic}", """{"a":2}""", ("Idempotency-Key", header));

        Assert.Equal((201, 409), (first.Status, second.Status));
        Assert.Equal(first["id"], second["id"]);
        var item = (await app.GetAsync($"/api/v1/topics/{topic}/items")).List("items").Single();
        Assert.Equal(key, item.GetProperty("key").GetString());
    }

    [Theory]
    [InlineData("\"open")]
    [InlineData("\"two\" \"strings\"")]
    [InlineData("\"bad \\escape\"")]
    [InlineData("\"\"")]
    public async Task A_bad_key_is_refused(string header)
    {
        var answer = await app.PostAsync("/add?topic=keys", """{"a":1}""", ("Idempotency-Key", header));

        answer.MustBeProblem(400, "invalid", "Idempotency-Key");
    }

    [Theory]
    [InlineData("Idempotency-Key: one\r\nIdempotency-Key: two")]
    [InlineData("Idempotency-Key: schlüssel")]
    public async Task Two_keys_and_other_characters_than_ASCII_are_refused(string lines)
    {
        using var connection = await RawConnection.OpenAsync(app);

        await connection.SendHeadAsync([.. PostHead(), lines]);
        await connection.SendAsync("""{"a":1}""");

        var (status, text) = await connection.ReceiveAsync();
        Assert.Equal(400, status);
        Assert.Contains("\"field\":\"Idempotency-Key\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_longest_key_is_taken_and_one_more_byte_is_refused_with_the_limit()
    {
        var longest = await app.PostAsync("/add?topic=keys", """{"a":1}""", ("Idempotency-Key", new string('k', LongestKey)));
        var longer = await app.PostAsync("/add?topic=keys", """{"a":1}""", ("Idempotency-Key", new string('k', LongestKey + 1)));

        Assert.Equal(201, longest.Status);
        longer.MustBeProblem(400, "invalid", "Idempotency-Key", LongestKey);
    }

    [Fact]
    public async Task A_topics_pointers_give_the_key_and_their_lack_is_named()
    {
        await app.PutAsync("/api/v1/topics/ads", """{"keyPointers":["/ad_id"]}""");
        var id = await app.AddAsync("ads", """{"ad_id":7,"price":1}""");

        var same = await app.PostAsync("/add?topic=ads", """{"ad_id":7.0,"price":2}""");
        var without = await app.PostAsync("/add?topic=ads", """{"price":2}""");
        var tooLong = await app.PostAsync("/add?topic=ads", $$"""{"ad_id":"{{new string('x', LongestKey)}}"}""");

        Assert.Equal(id, same.MustBeProblem(409, "duplicate")["id"]);
        without.MustBeProblem(400, "content", "key");
        tooLong.MustBeProblem(400, "content", "key", LongestKey);
    }

    [Fact]
    public async Task Of_64_concurrent_spellings_of_one_object_one_is_added_and_all_others_name_it()
    {
        const int Spellings = 64;
        string[] members = ["\"a\":1", "\"b\":\"two\"", "\"c\":[3,{\"x\":null,\"y\":true}]", "\"d\":4.5", "\"e\":{\"f\":6}"];
        var random = new Random(64);
        var bodies = Enumerable.Range(0, Spellings).Select(_ =>
        {
            var order = members.ToArray();
            random.Shuffle(order);
            return "{" + string.Join(',', order) + "}";
        });

        var answers = await Task.WhenAll(bodies.Select(body => app.PostAsync("/add?topic=race", body)));

        var added = Assert.Single(answers, answer => answer.Status == 201);
        Assert.All(answers.Where(answer => answer != added), answer => Assert.Equal((409, added["id"]), (answer.Status, answer["id"])));
        Assert.Single((await app.GetAsync("/api/v1/topics/race/items")).List("items"));
    }

    [Fact]
    public async Task The_connection_goes_on_after_a_refusal()
    {
        using var connection = await RawConnection.OpenAsync(app);
        await connection.SendHeadAsync([.. PostHead(), "Idempotency-Key: \"open"]);
        await connection.SendAsync("""{"a":1}""");
        Assert.Equal(400, (await connection.ReceiveAsync()).Status);

        await connection.SendHeadAsync(PostHead());
        await connection.SendAsync("""{"z":1}""");
        Assert.Equal(201, (await connection.ReceiveAsync()).Status);
    }

    [Fact]
    public async Task A_window_that_is_over_frees_the_key()
    {
        var clock = new Testing.FakeClock();
        await using var timed = await DatabusApp.StartAsync(new AppSetup { Clock = clock });
        await timed.PutAsync("/api/v1/topics/short", """{"windowSeconds":60}""");
        await timed.AddAsync("short", """{"a":1}""");

        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(409, (await timed.PostAsync("/add?topic=short", """{"a":1}""")).Status);
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(201, (await timed.PostAsync("/add?topic=short", """{"a":1}""")).Status);
    }

    private string[] PostHead() =>
        ["POST /add?topic=raw HTTP/1.1", $"Host: localhost:{app.Address.Port}", "Content-Type: application/json", "Content-Length: 7"];

    private static string Nested(int depth) =>
        string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);

    private static string OfLength(int length) => "{\"a\":\"" + new string('x', length - "{\"a\":\"\"}".Length) + "\"}";
}
