using System.Text;
using System.Text.Json;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class CloudEventTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const string Structured = "application/cloudevents+json; charset=utf-8";
    private const string Batch = "application/cloudevents-batch+json";

    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    [Fact]
    public async Task A_structured_event_has_source_and_id_as_its_key()
    {
        var first = await SendAsync("""{"specversion":"1.0","id":"7","source":"/shop","type":"order","data":{"n":1}}""");
        var second = await SendAsync("""{"specversion":"1.0","id":"7","source":"/shop","type":"other"}""");
        var third = await SendAsync("""{"specversion":"1.0","id":"7","source":"/mall","type":"order"}""");

        Assert.Equal((201, 409, 201), (first.Status, second.Status, third.Status));
        Assert.Equal(first["id"], second["id"]);
        var item = (await ItemsAsync())[0];
        Assert.Equal("/shop 7", item.GetProperty("key").GetString());
        Assert.Equal("/shop", item.GetProperty("source").GetString());
        Assert.Equal(1, item.GetProperty("content").GetProperty("data").GetProperty("n").GetInt32());
    }

    [Theory]
    [InlineData("id")]
    [InlineData("source")]
    [InlineData("specversion")]
    [InlineData("type")]
    public async Task An_event_without_a_required_attribute_is_refused_and_the_attribute_named(string missing)
    {
        foreach (var value in (string?[])[null, "\"\"", "7", "null"])
        {
            var attributes = Attributes();
            attributes[missing] = value!;
            var json = "{" + string.Join(',', attributes.Where(pair => pair.Value is not null).Select(pair => $"\"{pair.Key}\":{pair.Value}")) + "}";

            var answer = await SendAsync(json);

            Assert.Contains($" {missing},", answer.MustBeProblem(400, "content", "body").Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("""{"specversion":"0.3","id":"7","source":"/s","type":"t"}""")]
    [InlineData("""{"specversion":"1.0","id":"7","source":"with space","type":"t"}""")]
    [InlineData("""{"specversion":"1.0","id":"7","id":"8","source":"/s","type":"t"}""")]
    [InlineData("""[{"specversion":"1.0","id":"7","source":"/s","type":"t"}]""")]
    [InlineData("""{"specversion":"1.0""")]
    [InlineData("")]
    public async Task What_is_no_event_of_version_1_is_refused(string json)
    {
        (await SendAsync(json)).MustBeProblem(400, "content", "body");
    }

    [Fact]
    public async Task A_key_out_of_source_and_id_that_is_too_long_is_refused_with_the_limit()
    {
        var answer = await SendAsync($$"""{"specversion":"1.0","id":"{{new string('i', 1024)}}","source":"/s","type":"t"}""");

        answer.MustBeProblem(400, "content", "key", 1024);
    }

    [Fact]
    public async Task A_batch_counts_its_events_and_tells_the_bad_ones()
    {
        var answer = await app.PostAsync(Path, Encoding.UTF8.GetBytes(
            """
            [{"specversion":"1.0","id":"1","source":"/s","type":"t"},
             {"specversion":"1.0","source":"/s","type":"t"},
             {"specversion":"1.0","id":"1","source":"/s","type":"t","data":"again"},
             5,
             {"specversion":"1.0","id":"2","source":"/s","type":"t"}]
            """), Batch);

        Assert.Equal((200, 2, 1, 2), (answer.Status, answer.Number("added"), answer.Number("duplicates"), answer.Number("invalid")));
        Assert.Equal([2, 4], answer.List("errors").Select(error => error.GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task A_binary_event_is_kept_in_the_same_form_as_a_structured_one()
    {
        var answer = await SendBinaryAsync("""{"n": 1}"""u8.ToArray(), "application/json; charset=utf-8", ("ce-subject", "Order%20%E2%82%AC5"), ("CE-Custom", "\"quoted \\\"x\\\"\""));

        Assert.Equal(201, answer.Status);
        var content = (await ItemsAsync()).Single().GetProperty("content");
        Assert.Equal("1.0", content.GetProperty("specversion").GetString());
        Assert.Equal("Order €5", content.GetProperty("subject").GetString());
        Assert.Equal("quoted \"x\"", content.GetProperty("custom").GetString());
        Assert.Equal("application/json; charset=utf-8", content.GetProperty("datacontenttype").GetString());
        Assert.Equal(1, content.GetProperty("data").GetProperty("n").GetInt32());
        Assert.Equal(409, (await SendAsync("""{"specversion":"1.0","id":"7","source":"/shop","type":"order"}""")).Status);
    }

    [Theory]
    [InlineData("application/json", "[1,2]", "data", "[1,2]")]
    [InlineData("application/vnd.x+json", "null", "data", "null")]
    [InlineData(null, "{\"a\":1}", "data", "{\"a\":1}")]
    [InlineData("text/plain", "grün", "data", "\"grün\"")]
    [InlineData("text/xml", "<a b=\"c\"/>", "data", "\"<a b=\\\"c\\\"/>\"")]
    [InlineData("application/octet-stream", "raw", "data_base64", "\"cmF3\"")]
    public async Task Data_of_each_kind_is_kept_as_the_JSON_format_has_it(string? type, string data, string member, string expected)
    {
        var answer = await SendBinaryAsync(Encoding.UTF8.GetBytes(data), type);

        Assert.Equal(201, answer.Status);
        var kept = (await ItemsAsync()).Single().GetProperty("content").GetProperty(member);
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(expected), kept), kept.GetRawText());
    }

    [Fact]
    public async Task Text_that_is_not_UTF_8_is_kept_as_bytes()
    {
        await SendBinaryAsync([0x61, 0xFF], "text/plain; charset=latin1");

        Assert.Equal("Yf8=", (await ItemsAsync()).Single().GetProperty("content").GetProperty("data_base64").GetString());
    }

    [Fact]
    public async Task An_event_without_data_has_none()
    {
        await SendBinaryAsync([], type: null);

        var content = (await ItemsAsync()).Single().GetProperty("content");
        Assert.Equal(["id", "source", "specversion", "type"], content.EnumerateObject().Select(member => member.Name).Order());
    }

    [Theory]
    [InlineData("{\"a\":")]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("\"\\ud800\"")]
    public async Task Bad_JSON_as_data_is_refused(string data)
    {
        (await SendBinaryAsync(Encoding.UTF8.GetBytes(data), "application/json")).MustBeProblem(400, "content", "body");
    }

    [Theory]
    [InlineData("ce-data", "x")]
    [InlineData("ce-datacontenttype", "text/plain")]
    public async Task An_attribute_that_collides_with_the_body_is_refused(string header, string value)
    {
        (await SendBinaryAsync("{}"u8.ToArray(), "application/json", (header, value))).MustBeProblem(400, "content", "body");
    }

    [Theory]
    [InlineData("%ED%A0%80")]
    [InlineData("100%")]
    [InlineData("%zz%00")]
    [InlineData("\"")]
    public async Task Odd_escapes_in_a_header_are_no_error(string value)
    {
        Assert.Equal(201, (await SendBinaryAsync([], type: null, ("ce-odd", value))).Status);
    }

    private string Path => $"/api/v1/topics/{_topic}/items";

    private static Dictionary<string, string> Attributes() => new(StringComparer.Ordinal)
    {
        ["specversion"] = "\"1.0\"",
        ["id"] = "\"7\"",
        ["source"] = "\"/s\"",
        ["type"] = "\"t\"",
    };

    private Task<Answer> SendAsync(string json) => app.PostAsync(Path, Encoding.UTF8.GetBytes(json), Structured);

    private Task<Answer> SendBinaryAsync(byte[] data, string? type, params IEnumerable<(string Name, string Value)> more) =>
        app.PostAsync(Path, data, type, [("ce-specversion", "1.0"), ("ce-id", "7"), ("ce-source", "/shop"), ("ce-type", "order"), .. more]);

    private async Task<JsonElement[]> ItemsAsync() => (await app.GetAsync(Path)).List("items");
}
