using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Jobs;

public sealed class EnqueueTests(JobsApp jobs) : IClassFixture<JobsApp>
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private DatabusApp App => jobs.App;

    [Fact]
    public async Task An_enqueued_job_is_answered_with_its_place_and_all_that_is_known_of_it()
    {
        var answer = await App.PostAsync($"/api/v1/jobs/count-words?queue={_queue}", """{ "url": "http://a/<&>", "n": 1.50 }""");

        Assert.Equal((202, "application/json"), (answer.Status, answer.Type));
        Assert.Equal($"/api/v1/jobs/{answer["id"]}", answer.Header("Location"));
        Assert.Equal(
            [
                "id", "name", "queue", "priority", "state", "arguments", "attempt", "maxAttempts", "enqueuedAt", "dueAt", "startedAt", "endedAt", "owner", "result",
                "error", "progress", "message", "cancelRequested",
            ],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ("count-words", _queue, "normal", "waiting", 0, 10),
            (answer["name"], answer["queue"], answer["priority"], answer["state"], answer.Number("attempt"), answer.Number("maxAttempts")));
        Assert.Equal("""{"url":"http://a/<&>","n":1.50}""", answer.Json.GetProperty("arguments").GetRawText());
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("result").ValueKind);
        Assert.False(answer.Json.GetProperty("cancelRequested").GetBoolean());
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData(" \r\n", "{}")]
    [InlineData("{}", "{}")]
    [InlineData("[1, 2]", "[1,2]")]
    [InlineData("\"\\u00e9\\n\"", "\"\\u00e9\\n\"")]
    [InlineData("12345678901234567890", "12345678901234567890")]
    [InlineData("null", "null")]
    [InlineData("true", "true")]
    public async Task Any_JSON_value_is_kept_as_it_was_sent(string sent, string kept)
    {
        var answer = await App.PostAsync($"/api/v1/jobs/count?queue={_queue}", sent);

        Assert.Equal((202, kept), (answer.Status, answer.Json.GetProperty("arguments").GetRawText()));
        Assert.Equal(kept, (await App.ClaimAsync(_queue))[0].GetProperty("arguments").GetRawText());
    }

    [Theory]
    [InlineData("{")]
    [InlineData("{}{}")]
    [InlineData("nul")]
    [InlineData("{'a':1}")]
    [InlineData("[1,]")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("\"\\ud800\"")]
    [InlineData("1e400")]
    public async Task What_is_no_strict_JSON_is_refused(string sent)
    {
        (await App.PostAsync($"/api/v1/jobs/count?queue={_queue}", sent)).MustBeProblem(400, "content", "body");
        (await App.PostAsync("/api/v1/jobs/count", [0x22, 0xff, 0x22], "application/json")).MustBeProblem(400, "content", "body");
    }

    [Fact]
    public async Task Too_deep_and_too_large_is_refused_with_the_limit()
    {
        await using var small = await JobsApp.StartAsync(http: http => http.MaxItemBytes = 1000);

        (await small.PostAsync("/api/v1/jobs/count", new string('[', 65) + new string(']', 65))).MustBeProblem(400, "content", "body", 64);
        (await small.PostAsync("/api/v1/jobs/count", $"\"{new string('a', 1000)}\"")).MustBeProblem(413, "too-large", "body", 1000);
        (await small.PostAsync("/api/v1/jobs", $$"""[{"name":"a","arguments":"{{new string('a', 1000)}}"}]""")).MustBeProblem(413, "too-large", "[0].arguments", 1000);
        Assert.Equal(202, (await small.PostAsync("/api/v1/jobs/count", $"\"{new string('a', 998)}\"")).Status);
    }

    [Fact]
    public async Task Only_JSON_is_taken()
    {
        (await App.PostAsync("/api/v1/jobs/count", "a=1"u8.ToArray(), "application/x-www-form-urlencoded")).MustBeProblem(415, "media-type", "Content-Type");
        (await App.PostAsync("/api/v1/jobs", "a=1"u8.ToArray(), "text/plain")).MustBeProblem(415, "media-type", "Content-Type");
        Assert.Equal(202, (await App.PostAsync($"/api/v1/jobs/count?queue={_queue}", "{}"u8.ToArray(), type: null)).Status);
    }

    [Theory]
    [InlineData("count", "queue=a%20b", "queue", null)]
    [InlineData("count", "priority=urgent", "priority", null)]
    [InlineData("count", "maxAttempts=0", "maxAttempts", 1L)]
    [InlineData("count", "maxAttempts=1001", "maxAttempts", 1000L)]
    [InlineData("count", "maxAttempts=2.5", "maxAttempts", null)]
    [InlineData("count", "delaySeconds=-1", "delaySeconds", 0L)]
    [InlineData("count", "delaySeconds=1e99", "delaySeconds", 3_153_600_000L)]
    [InlineData("count", "delaySeconds=NaN", "delaySeconds", 3_153_600_000L)]
    [InlineData("count", "dueAt=tomorrow", "dueAt", null)]
    [InlineData("count", "expiresSeconds=0", "expiresSeconds", 1L)]
    [InlineData("count", "keepSeconds=-1", "keepSeconds", 0L)]
    [InlineData("count", "uniqueSeconds=5", "uniqueKey", null)]
    [InlineData("count", "uniqueKey=k&uniqueSeconds=0", "uniqueSeconds", 1L)]
    [InlineData("count", "after=1,x", "after", null)]
    [InlineData("count", "after=%230", "after", null)]
    [InlineData("count", "afterAnyEnd=perhaps", "afterAnyEnd", null)]
    [InlineData("count", "maxRunning=1", "limitKey", null)]
    [InlineData("count", "limitKey=k", "maxRunning", null)]
    [InlineData("count", "limitKey=k&maxRunning=-1", "maxRunning", 0L)]
    [InlineData("count", "limitKey=k&maxStarts=5", "perSeconds", null)]
    [InlineData("count", "limitKey=k&maxStarts=5&perSeconds=86401", "perSeconds", 86_400L)]
    [InlineData("count", "limitKey=k&maxStarts=10001&perSeconds=5", "maxStarts", 10_000L)]
    [InlineData("count", "delay=5", "delay", null)]
    [InlineData("count", "queue=a&queue=b", "queue", null)]
    [InlineData("a%20b", "", "name", null)]
    public async Task A_bad_wish_is_named(string name, string query, string field, long? limit)
    {
        (await App.PostAsync($"/api/v1/jobs/{name}?{query}", "{}")).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task Keys_that_are_too_long_are_refused_with_the_limit()
    {
        (await App.PostAsync($"/api/v1/jobs/count?uniqueKey={new string('k', 301)}")).MustBeProblem(400, "invalid", "uniqueKey", 300);
        (await App.PostAsync($"/api/v1/jobs/count?limitKey={new string('k', 301)}&maxRunning=1")).MustBeProblem(400, "invalid", "limitKey", 300);
        Assert.Equal(202, (await App.PostAsync($"/api/v1/jobs/{new string('n', 100)}?queue={_queue}&uniqueKey={new string('k', 300)}")).Status);
    }

    [Fact]
    public async Task Everything_that_is_wished_for_reaches_the_job()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);

        var delayed = await timed.PostAsync("/api/v1/jobs/count?queue=pages&priority=high&delaySeconds=60.5&maxAttempts=3");
        var due = await timed.PostAsync("/api/v1/jobs/count?dueAt=2026-03-01T13:00:00Z");
        var expiring = await timed.EnqueueAsync("count", "?queue=short&expiresSeconds=10");

        Assert.Equal(("pages", "high", "delayed", 3), (delayed["queue"], delayed["priority"], delayed["state"], delayed.Number("maxAttempts")));
        Assert.Equal("2026-03-01T12:01:00.500Z", delayed["dueAt"]);
        Assert.Equal(("delayed", "2026-03-01T13:00:00.000Z"), (due["state"], due["dueAt"]));
        clock.Advance(TimeSpan.FromSeconds(11));
        Assert.Empty((await timed.PostAsync("/api/v1/workers/claim", """{"worker":"w","queues":["short"]}""")).List("jobs"));
        Assert.Equal("expired", await timed.StateAsync(expiring));
    }

    [Fact]
    public async Task A_limit_is_shared_by_the_jobs_that_name_it()
    {
        for (var i = 0; i < 3; i++)
            await App.EnqueueAsync("count", $"?queue={_queue}&limitKey={_queue}&maxRunning=2");

        await App.ClaimAsync(_queue, 2);

        Assert.Empty((await App.PostAsync("/api/v1/workers/claim", $$"""{"worker":"w","queues":["{{_queue}}"],"max":5}""")).List("jobs"));
    }

    [Fact]
    public async Task A_unique_key_that_is_taken_is_answered_with_the_job_that_has_it()
    {
        var first = await App.EnqueueAsync("count", $"?queue={_queue}&uniqueKey={_queue}");

        var second = await App.PostAsync($"/api/v1/jobs/count?queue={_queue}&uniqueKey={_queue}");
        var other = await App.PostAsync($"/api/v1/jobs/other?queue={_queue}&uniqueKey={_queue}");

        Assert.Equal(first, second.MustBeProblem(409, "duplicate")["id"]);
        Assert.Equal(202, other.Status);
        await App.DeleteAsync($"/api/v1/jobs/{first}");
        Assert.Equal(202, (await App.PostAsync($"/api/v1/jobs/count?queue={_queue}&uniqueKey={_queue}")).Status);
    }

    [Fact]
    public async Task A_job_comes_after_others()
    {
        var first = await App.EnqueueAsync("count", $"?queue={_queue}");
        var second = await App.EnqueueAsync("count", $"?queue={_queue}&after={first}");
        var third = await App.EnqueueAsync("count", $"?queue={_queue}&after={first},{second}&afterAnyEnd=true");
        Assert.Equal(("blocked", "blocked"), (await App.StateAsync(second), await App.StateAsync(third)));

        await App.CompleteAsync(await App.ClaimTokenAsync(_queue), "hopeless");

        Assert.Equal(("cancelled", "waiting"), (await App.StateAsync(second), await App.StateAsync(third)));
    }

    [Fact]
    public async Task Many_are_enqueued_at_once_and_may_come_after_each_other()
    {
        var answer = await App.PostAsync("/api/v1/jobs", $$"""
            [
              {"name":"page","queue":"{{_queue}}","arguments":{"n":1},"uniqueKey":"{{_queue}}"},
              {"name":"page","queue":"{{_queue}}","arguments":[2],"uniqueKey":"{{_queue}}"},
              {"name":"sum","queue":"{{_queue}}","priority":"low","after":["#0"],"maxAttempts":2,"keepSeconds":60}
            ]
            """);

        Assert.Equal(200, answer.Status);
        var (ids, added) = (answer.Ids(), answer.List("jobs").Select(job => job.GetProperty("added").GetBoolean()));
        Assert.Equal([true, false, true], added);
        Assert.Equal(ids[0], ids[1]);
        var sum = await App.GetAsync($"/api/v1/jobs/{ids[2]}");
        Assert.Equal(("blocked", "low", 2, "{}"), (sum["state"], sum["priority"], sum.Number("maxAttempts"), sum.Json.GetProperty("arguments").GetRawText()));
        await App.CompleteAsync(await App.ClaimTokenAsync(_queue), "succeeded");
        Assert.Equal("waiting", await App.StateAsync(ids[2]));
    }

    [Theory]
    [InlineData("{}", "body", null)]
    [InlineData("", "body", null)]
    [InlineData("[1]", "[0]", null)]
    [InlineData("[null]", "[0]", null)]
    [InlineData("[", "body", null)]
    [InlineData("""[{"name":"a"}] []""", "body", null)]
    [InlineData("[{}]", "[0].name", null)]
    [InlineData("""[{"name":"a"},{"name":"a b"}]""", "[1].name", null)]
    [InlineData("""[{"name":5}]""", "[0].name", null)]
    [InlineData("""[{"name":"a","colour":1}]""", "[0].colour", null)]
    [InlineData("""[{"name":"a","queue":"?"}]""", "[0].queue", null)]
    [InlineData("""[{"name":"a","maxAttempts":5000}]""", "[0].maxAttempts", 1000L)]
    [InlineData("""[{"name":"a","delaySeconds":"5"}]""", "[0].delaySeconds", null)]
    [InlineData("""[{"name":"a","dueAt":"soon"}]""", "[0].dueAt", null)]
    [InlineData("""[{"name":"a","after":["#0"]}]""", "[0].after", null)]
    [InlineData("""[{"name":"a"},{"name":"a","after":["#1"]}]""", "[1].after", null)]
    [InlineData("""[{"name":"a"},{"name":"a","after":["#-1"]}]""", "[1].after", null)]
    [InlineData("""[{"name":"a"},{"name":"a","after":[null]}]""", "[1].after", null)]
    public async Task What_is_wrong_with_one_of_many_is_named_with_its_place(string body, string field, long? limit)
    {
        (await App.PostAsync("/api/v1/jobs", body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task Arguments_of_many_are_judged_as_those_of_one()
    {
        (await App.PostAsync("/api/v1/jobs", """[{"name":"a","arguments":{"b":1,"b":2}}]""")).MustBeProblem(400, "content", "[0].arguments");
        Assert.Equal(200, (await App.PostAsync("/api/v1/jobs", "[]")).Status);
    }

    [Fact]
    public async Task More_than_ten_thousand_at_once_are_refused_with_the_limit()
    {
        var body = $"[{string.Join(',', Enumerable.Repeat("""{"name":"a"}""", 10_001))}]";

        (await App.PostAsync("/api/v1/jobs", Encoding.UTF8.GetBytes(body), "application/json")).MustBeProblem(400, "invalid", "body", 10_000);
    }

    [Fact]
    public async Task All_are_enqueued_or_none()
    {
        await App.PostAsync("/api/v1/jobs", $$"""[{"name":"a","queue":"{{_queue}}"},{"name":"a","queue":"{{_queue}}","priority":"?"}]""");

        Assert.Empty((await App.GetAsync($"/api/v1/jobs?queue={_queue}")).List("jobs"));
    }

    [Fact]
    public async Task A_job_that_this_process_knows_has_its_own_defaults_and_arguments_that_fit()
    {
        await using var knowing = await DatabusApp.StartAsync(new AppSetup
        {
            Node = node => node.Roles = NodeRoles.Api,
            Services = services => services.AddJob<Greeting, string>(
                "greet", GreetingJson.Default.Greeting, GreetingJson.Default.String, options =>
                {
                    options.Queue = "greetings";
                    options.MaxAttempts = 4;
                    options.UniqueKey = greeting => greeting.Name.ToUpperInvariant();
                }),
        });

        var answer = await knowing.PostAsync("/api/v1/jobs/greet", """{"name":"Ann"}""");
        var same = await knowing.PostAsync("/api/v1/jobs/greet", """{"name":"ANN"}""");
        var other = await knowing.PostAsync("/api/v1/jobs/greet?queue=mine&maxAttempts=2", """{"name":"Ben"}""");

        Assert.Equal(("greetings", 4), (answer["queue"], answer.Number("maxAttempts")));
        Assert.Equal(answer["id"], same.MustBeProblem(409, "duplicate")["id"]);
        Assert.Equal(("mine", 2), (other["queue"], other.Number("maxAttempts")));
        (await knowing.PostAsync("/api/v1/jobs/greet", """{"name":5}""")).MustBeProblem(400, "invalid", "body");
        (await knowing.PostAsync("/api/v1/jobs/greet", "null")).MustBeProblem(400, "invalid", "body");
        (await knowing.PostAsync("/api/v1/jobs/greet", "{}")).MustBeProblem(400, "invalid", "body");
        (await knowing.PostAsync("/api/v1/jobs", """[{"name":"greet","arguments":[]}]""")).MustBeProblem(400, "invalid", "[0].arguments");
    }
}

internal sealed record Greeting(string Name);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(Greeting))]
[JsonSerializable(typeof(string))]
internal sealed partial class GreetingJson : JsonSerializerContext;
