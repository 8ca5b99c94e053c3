using System.Text.Json;

namespace Databus.AspNetCore.Tests.Jobs;

public sealed class QueueTests(JobsApp jobs) : IClassFixture<JobsApp>
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private DatabusApp App => jobs.App;

    private string Path => $"/api/v1/queues/{_queue}";

    [Fact]
    public async Task A_queue_shows_its_jobs_by_state_and_how_it_is_doing()
    {
        await App.RunAsync(_queue);
        await App.EnqueueAsync("a", $"?queue={_queue}");
        await App.ClaimAsync(_queue);
        await App.EnqueueAsync("a", $"?queue={_queue}");
        await App.EnqueueAsync("a", $"?queue={_queue}&delaySeconds=60");

        var queue = await QueueAsync();

        Assert.Equal(
            ["name", "paused", "counts", "oldestDueAt", "endedLastMinute", "meanWaitSeconds", "limit"], queue.EnumerateObject().Select(member => member.Name));
        Assert.Equal("""{"waiting":1,"delayed":1,"held":0,"blocked":0,"running":1}""", queue.GetProperty("counts").GetRawText());
        Assert.False(queue.GetProperty("paused").GetBoolean());
        Assert.Equal(1, queue.GetProperty("endedLastMinute").GetInt64());
        Assert.True(queue.GetProperty("meanWaitSeconds").GetDouble() >= 0);
        Assert.NotNull(queue.GetProperty("oldestDueAt").GetString());
        Assert.Equal(JsonValueKind.Null, queue.GetProperty("limit").ValueKind);
    }

    [Fact]
    public async Task A_paused_queue_gives_nothing_until_it_is_resumed()
    {
        await App.EnqueueAsync("a", $"?queue={_queue}");
        var paused = await App.PutAsync(Path, """{"paused":true}""");
        Assert.Empty(await ClaimAsync());
        var waiting = App.PostAsync("/api/v1/workers/claim", $$"""{"worker":"w","queues":["{{_queue}}"],"waitSeconds":30}""");

        var resumed = await App.PutAsync(Path, """{"paused":false}""");

        Assert.Equal((200, true), (paused.Status, paused.Json.GetProperty("paused").GetBoolean()));
        Assert.False(resumed.Json.GetProperty("paused").GetBoolean());
        Assert.Single((await waiting).List("jobs"));
    }

    [Fact]
    public async Task A_limit_holds_for_all_of_its_jobs_and_what_is_left_out_stays()
    {
        for (var i = 0; i < 4; i++)
            await App.EnqueueAsync("a", $"?queue={_queue}");

        var limited = await App.PutAsync(Path, """{"maxRunning":2,"maxStarts":100,"perSeconds":60}""");
        Assert.Equal("""{"maxRunning":2,"maxStarts":100,"perSeconds":60}""", limited.Json.GetProperty("limit").GetRawText());
        Assert.Equal(2, (await ClaimAsync()).Length);
        Assert.Empty(await ClaimAsync());

        var paused = await App.PutAsync(Path, """{"paused":true}""");
        Assert.Equal(limited.Json.GetProperty("limit").GetRawText(), paused.Json.GetProperty("limit").GetRawText());
        var partly = await App.PutAsync(Path, """{"maxStarts":0,"paused":false}""");
        Assert.Equal("""{"maxRunning":2,"maxStarts":0,"perSeconds":null}""", partly.Json.GetProperty("limit").GetRawText());
        var free = await App.PutAsync(Path, """{"maxRunning":0}""");
        Assert.Equal(JsonValueKind.Null, free.Json.GetProperty("limit").ValueKind);
        Assert.Equal(2, (await ClaimAsync()).Length);
    }

    [Fact]
    public async Task A_queue_may_have_settings_before_it_has_jobs()
    {
        var answer = await App.PutAsync(Path, """{"paused":true}""");

        Assert.Equal((200, _queue), (answer.Status, answer["name"]));
        Assert.True((await QueueAsync()).GetProperty("paused").GetBoolean());
        Assert.Equal(200, (await App.PutAsync(Path, """{"paused":false}""")).Status);
        Assert.Equal(200, (await App.PutAsync($"{Path}never", "{}")).Status);
    }

    [Theory]
    [InlineData("a%20b", "{}", "queue", null)]
    [InlineData("q", """{"maxRunning":-1}""", "maxRunning", 0L)]
    [InlineData("q", """{"maxRunning":1000001}""", "maxRunning", 1_000_000L)]
    [InlineData("q", """{"maxStarts":5}""", "perSeconds", null)]
    [InlineData("q", """{"maxStarts":10001,"perSeconds":5}""", "maxStarts", 10_000L)]
    [InlineData("q", """{"maxStarts":5,"perSeconds":0.5}""", "perSeconds", 1L)]
    [InlineData("q", """{"maxStarts":5,"perSeconds":86401}""", "perSeconds", 86_400L)]
    [InlineData("q", """{"paused":"yes"}""", "paused", null)]
    [InlineData("q", """{"pause":true}""", "pause", null)]
    public async Task A_bad_setting_is_named(string queue, string body, string field, long? limit)
    {
        (await App.PutAsync($"/api/v1/queues/{queue}", body)).MustBeProblem(400, "invalid", field, limit);
    }

    private async Task<JsonElement> QueueAsync() =>
        (await App.GetAsync("/api/v1/queues")).List("queues").Single(queue => queue.GetProperty("name").GetString() == _queue);

    private async Task<JsonElement[]> ClaimAsync() =>
        (await App.PostAsync("/api/v1/workers/claim", $$"""{"worker":"w","queues":["{{_queue}}"],"max":10}""")).List("jobs");
}
