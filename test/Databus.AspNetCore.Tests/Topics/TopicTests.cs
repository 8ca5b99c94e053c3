using System.Text.Json;

namespace Databus.AspNetCore.Tests.Topics;

public sealed class TopicTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const long LongestTime = 36_500L * 86_400;

    [Fact]
    public async Task A_new_topic_has_the_defaults()
    {
        var answer = await app.PutAsync("/api/v1/topics/fresh");

        Assert.Equal(201, answer.Status);
        Assert.Equal(
            ["name", "keyPointers", "windowSeconds", "retentionSeconds", "items", "lastId", "lastAddedAt", "createdAt", "subscriptions"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal("fresh", answer["name"]);
        Assert.Empty(answer.List("keyPointers"));
        Assert.Equal(1_209_600, answer.Number("windowSeconds"));
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("retentionSeconds").ValueKind);
        Assert.Equal("0", answer["lastId"]);
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("lastAddedAt").ValueKind);
        Assert.EndsWith("Z", answer["createdAt"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_left_out_keeps_its_value()
    {
        await app.PutAsync("/api/v1/topics/parts", """{"keyPointers":["/a","/b"],"windowSeconds":60,"retentionSeconds":3600}""");

        var changed = await app.PutAsync("/api/v1/topics/parts", """{"windowSeconds":120}""");
        var untouched = await app.PutAsync("/api/v1/topics/parts");

        Assert.Equal((200, 200), (changed.Status, untouched.Status));
        foreach (var answer in (Answer[])[changed, untouched, await app.GetAsync("/api/v1/topics/parts")])
        {
            Assert.Equal(["/a", "/b"], answer.List("keyPointers").Select(pointer => pointer.GetString()));
            Assert.Equal((120, 3600), (answer.Number("windowSeconds"), answer.Number("retentionSeconds")));
        }
    }

    [Fact]
    public async Task Retention_null_means_for_ever_and_no_pointers_mean_the_content()
    {
        await app.PutAsync("/api/v1/topics/kept", """{"keyPointers":["/a"],"retentionSeconds":3600}""");

        var answer = await app.PutAsync("/api/v1/topics/kept", """{"keyPointers":[],"retentionSeconds":null}""");

        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("retentionSeconds").ValueKind);
        Assert.Empty(answer.List("keyPointers"));
    }

    [Theory]
    [InlineData("""{"windowSeconds":0}""", "windowSeconds", LongestTime)]
    [InlineData("""{"windowSeconds":-1}""", "windowSeconds", LongestTime)]
    [InlineData("""{"windowSeconds":1e300}""", "windowSeconds", LongestTime)]
    [InlineData("""{"windowSeconds":1e999}""", "windowSeconds", LongestTime)]
    [InlineData("""{"retentionSeconds":0.5}""", "retentionSeconds", LongestTime)]
    [InlineData("""{"windowSeconds":"60"}""", "windowSeconds", null)]
    [InlineData("""{"keyPointers":"/a"}""", "keyPointers", null)]
    [InlineData("""{"keyPointers":["a"]}""", "keyPointers", null)]
    [InlineData("""{"keyPointers":["/a~2"]}""", "keyPointers", null)]
    [InlineData("""{"keyPointers":["/a","/a"]}""", "keyPointers", null)]
    [InlineData("""{"keyPointers":[null]}""", "keyPointers", null)]
    [InlineData("""{"keyPointers":["/1","/2","/3","/4","/5","/6","/7","/8","/9","/10","/11","/12","/13","/14","/15","/16","/17"]}""", "keyPointers", null)]
    [InlineData("""{"windowSecond":60}""", "windowSecond", null)]
    [InlineData("""{"hasRetention":true}""", "hasRetention", null)]
    [InlineData("""[]""", "body", null)]
    [InlineData("""null""", "body", null)]
    [InlineData("""{""", "body", null)]
    public async Task A_bad_setting_is_named(string body, string field, long? limit)
    {
        var answer = await app.PutAsync("/api/v1/topics/settings", body);

        answer.MustBeProblem(400, "invalid", field, limit);
        Assert.DoesNotContain("Databus.", answer.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", answer.Error, StringComparison.Ordinal);
        Assert.Equal(404, (await app.GetAsync("/api/v1/topics/settings")).Status);
    }

    [Fact]
    public async Task Settings_come_as_JSON()
    {
        var answer = await app.SendAsync(HttpMethod.Put, "/api/v1/topics/typed", DatabusApp.Typed(new StringContent("{}"), "text/plain"));

        answer.MustBeProblem(415, "media-type", "Content-Type");
    }

    [Theory]
    [InlineData("_")]
    [InlineData("a%20b")]
    [InlineData("a%2Fb")]
    [InlineData("%F0%9F%98%80")]
    public async Task A_bad_name_is_refused(string name)
    {
        (await app.PutAsync($"/api/v1/topics/{name}")).MustBeProblem(400, "invalid", "topic");
    }

    [Fact]
    public async Task An_unknown_topic_is_not_found()
    {
        (await app.GetAsync("/api/v1/topics/unknown")).MustBeProblem(404, "not-found");
        (await app.DeleteAsync("/api/v1/topics/unknown")).MustBeProblem(404, "not-found");
        (await app.GetAsync("/api/v1/topics/unknown/items")).MustBeProblem(404, "not-found");
        (await app.GetAsync("/api/v1/topics/unknown/events")).MustBeProblem(404, "not-found");
        (await app.GetAsync("/api/v1/topics/unknown/subscriptions")).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task A_deleted_topic_is_gone_and_its_name_free()
    {
        await app.AddAsync("gone", """{"a":1}""");
        await app.PutAsync("/api/v1/topics/gone/subscriptions/s");

        var answer = await app.DeleteAsync("/api/v1/topics/gone");

        Assert.Equal((204, ""), (answer.Status, answer.Text));
        (await app.GetAsync("/api/v1/topics/gone")).MustBeProblem(404, "not-found");
        await app.AddAsync("gone", """{"a":1}""");
        var anew = await app.GetAsync("/api/v1/topics/gone");
        Assert.Equal((1, 0), (anew.Number("items"), anew.Number("subscriptions")));
    }

    [Fact]
    public async Task All_topics_are_listed_by_name_with_their_counts()
    {
        await using var other = await DatabusApp.StartAsync(new AppSetup());
        await other.FillAsync("b", 3);
        await other.PutAsync("/api/v1/topics/a");
        await other.PutAsync("/api/v1/topics/b/subscriptions/s");

        var topics = (await other.GetAsync("/api/v1/topics")).List("topics");

        Assert.Equal(["a", "b"], topics.Select(topic => topic.GetProperty("name").GetString()));
        Assert.Equal((3, "3", 1), (topics[1].GetProperty("items").GetInt64(), topics[1].GetProperty("lastId").GetString(), topics[1].GetProperty("subscriptions").GetInt32()));
        Assert.Equal(JsonValueKind.String, topics[1].GetProperty("lastAddedAt").ValueKind);
    }
}
