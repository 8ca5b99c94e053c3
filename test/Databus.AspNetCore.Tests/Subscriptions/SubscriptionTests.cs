using System.Text.Json;

namespace Databus.AspNetCore.Tests.Subscriptions;

public sealed class SubscriptionTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    private string Path => $"/api/v1/topics/{_topic}/subscriptions/s";

    [Fact]
    public async Task A_new_subscription_has_the_defaults_and_starts_at_the_beginning()
    {
        await app.FillAsync(_topic, 3);

        var answer = await app.PutAsync(Path);

        Assert.Equal(201, answer.Status);
        Assert.Equal(
            ["name", "topic", "position", "lastId", "lag", "inFlight", "waiting", "dead", "leaseSeconds", "maxAttempts", "maxInFlight", "destination", "paused", "oldestWaitingAt", "createdAt"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("s", _topic, "0", "3"), (answer["name"], answer["topic"], answer["position"], answer["lastId"]));
        Assert.Equal((3, 0, 0, 0), (answer.Number("lag"), answer.Number("inFlight"), answer.Number("waiting"), answer.Number("dead")));
        Assert.Equal((30, 10, 10_000), (answer.Number("leaseSeconds"), answer.Number("maxAttempts"), answer.Number("maxInFlight")));
        Assert.Equal(JsonValueKind.String, answer.Json.GetProperty("oldestWaitingAt").ValueKind);
    }

    [Fact]
    public async Task A_subscription_that_starts_at_the_end_gets_only_what_comes()
    {
        await app.FillAsync(_topic, 3);

        var answer = await app.PutAsync(Path, """{"start":"end"}""");

        Assert.Equal(("3", 0), (answer["position"], answer.Number("lag")));
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("oldestWaitingAt").ValueKind);
        Assert.Empty((await app.PostAsync($"{Path}/fetch")).List("items"));
    }

    [Fact]
    public async Task What_is_left_out_keeps_its_value_and_the_start_counts_only_once()
    {
        await app.FillAsync(_topic, 3);
        await app.PutAsync(Path, """{"leaseSeconds":60,"maxAttempts":3,"maxInFlight":5}""");

        var answer = await app.PutAsync(Path, """{"maxAttempts":4,"start":"end"}""");

        Assert.Equal((200, "0"), (answer.Status, answer["position"]));
        Assert.Equal((60, 4, 5), (answer.Number("leaseSeconds"), answer.Number("maxAttempts"), answer.Number("maxInFlight")));
        Assert.Equal(answer.Text, (await app.GetAsync(Path)).Text);
    }

    [Theory]
    [InlineData("""{"start":"middle"}""", "start", null)]
    [InlineData("""{"leaseSeconds":0}""", "leaseSeconds", 43_200L)]
    [InlineData("""{"leaseSeconds":43201}""", "leaseSeconds", 43_200L)]
    [InlineData("""{"maxAttempts":0}""", "maxAttempts", 1000L)]
    [InlineData("""{"maxAttempts":1001}""", "maxAttempts", 1000L)]
    [InlineData("""{"maxAttempts":1.5}""", "maxAttempts", null)]
    [InlineData("""{"maxInFlight":0}""", "maxInFlight", 100_000L)]
    [InlineData("""{"maxInFlight":100001}""", "maxInFlight", 100_000L)]
    [InlineData("""{"maxInFlight":99999999999}""", "maxInFlight", null)]
    [InlineData("""{"maxInflight":5}""", "maxInflight", null)]
    public async Task A_bad_setting_is_named(string body, string field, long? limit)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        (await app.PutAsync(Path, body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task What_is_not_there_is_not_found()
    {
        foreach (var found in (bool[])[false, true])
        {
            if (found)
                await app.PutAsync($"/api/v1/topics/{_topic}");
            else
                (await app.PutAsync(Path)).MustBeProblem(404, "not-found");
            (await app.GetAsync(Path)).MustBeProblem(404, "not-found");
            (await app.DeleteAsync(Path)).MustBeProblem(404, "not-found");
            (await app.GetAsync($"{Path}/dead")).MustBeProblem(404, "not-found");
            (await app.PostAsync($"{Path}/dead/replay")).MustBeProblem(404, "not-found");
            (await app.PostAsync($"{Path}/dead/discard")).MustBeProblem(404, "not-found");
            (await app.PostAsync($"{Path}/rewind", """{"to":"end"}""")).MustBeProblem(404, "not-found");
        }
    }

    [Fact]
    public async Task A_bad_name_is_refused()
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        (await app.PutAsync($"/api/v1/topics/{_topic}/subscriptions/a%20b")).MustBeProblem(400, "invalid", "subscription");
        (await app.PostAsync($"/api/v1/topics/{_topic}/subscriptions/a%20b/fetch")).MustBeProblem(400, "invalid", "subscription");
        (await app.PostAsync("/api/v1/topics/a%20b/subscriptions/s/fetch")).MustBeProblem(400, "invalid", "topic");
    }

    [Fact]
    public async Task Subscriptions_are_listed_by_topic_and_all_together()
    {
        await using var other = await DatabusApp.StartAsync(new AppSetup());
        foreach (var (topic, subscription) in (IEnumerable<(string, string)>)[("a", "y"), ("a", "x"), ("b", "z")])
        {
            await other.PutAsync($"/api/v1/topics/{topic}");
            await other.PutAsync($"/api/v1/topics/{topic}/subscriptions/{subscription}");
        }

        Assert.Equal(["x", "y"], Names(await other.GetAsync("/api/v1/topics/a/subscriptions")));
        Assert.Equal(["x", "y", "z"], Names(await other.GetAsync("/api/v1/subscriptions")));
    }

    [Fact]
    public async Task A_deleted_subscription_is_gone_and_its_tokens_with_it()
    {
        await app.FillAsync(_topic, 1);
        var token = (await app.PostAsync($"{Path}/fetch")).List("items")[0].GetProperty("token").GetString();

        Assert.Equal(204, (await app.DeleteAsync(Path)).Status);

        var answer = await app.PostAsync($"{Path}/ack", $$"""{"tokens":["{{token}}"]}""");
        Assert.Equal(0, answer.Number("acknowledged"));
        Assert.Equal(404, (await app.GetAsync(Path)).Status);
    }

    [Theory]
    [InlineData("""{"to":"beginning"}""", "0", 5)]
    [InlineData("""{"to":"end"}""", "5", 0)]
    [InlineData("""{"after":"2"}""", "2", 3)]
    [InlineData("""{"after":2}""", "2", 3)]
    [InlineData("""{"after":"9223372036854775807"}""", "5", 0)]
    [InlineData("""{"time":"2020-01-01T00:00:00Z"}""", "0", 5)]
    [InlineData("""{"time":"9999-12-31T23:59:59.999Z"}""", "5", 0)]
    public async Task A_rewind_sets_the_position(string body, string position, int lag)
    {
        await app.FillAsync(_topic, 5);
        await app.PostAsync($"{Path}/fetch", """{"max":3}""");

        var answer = await app.PostAsync($"{Path}/rewind", body);

        Assert.Equal((200, position, lag), (answer.Status, answer["position"], answer.Number("lag")));
    }

    [Theory]
    [InlineData("{}", "to")]
    [InlineData("""{"to":"middle"}""", "to")]
    [InlineData("""{"to":"end","after":"1"}""", "to")]
    [InlineData("""{"after":"x"}""", "after")]
    [InlineData("""{"after":{}}""", "after")]
    [InlineData("""{"after":-1}""", "to")]
    [InlineData("""{"time":"yesterday"}""", "time")]
    [InlineData("""{"time":5}""", "time")]
    [InlineData("""{"time":"0001-01-01T00:00:00+14:00"}""", "time")]
    [InlineData("""{"position":1}""", "position")]
    public async Task A_bad_target_is_named(string body, string field)
    {
        await app.FillAsync(_topic, 1);
        await app.PutAsync(Path);

        (await app.PostAsync($"{Path}/rewind", body)).MustBeProblem(400, "invalid", field);
    }

    private static IEnumerable<string?> Names(Answer answer) =>
        answer.List("subscriptions").Select(subscription => subscription.GetProperty("name").GetString());
}
