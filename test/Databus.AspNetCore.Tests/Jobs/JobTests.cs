using System.Text.Json;
using Databus.Testing;
using Microsoft.Extensions.Hosting;

namespace Databus.AspNetCore.Tests.Jobs;

public sealed class JobTests(JobsApp jobs) : IClassFixture<JobsApp>
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private DatabusApp App => jobs.App;

    [Fact]
    public async Task One_that_has_not_ended_is_202_and_one_that_has_is_200()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        var waiting = await App.GetAsync($"/api/v1/jobs/{id}");
        var token = await App.ClaimTokenAsync(_queue);
        var running = await App.GetAsync($"/api/v1/jobs/{id}");
        await App.CompleteAsync(token, "succeeded", ""","result":{"words":[1,2.0]}""");
        var ended = await App.GetAsync($"/api/v1/jobs/{id}");

        Assert.Equal((202, "waiting"), (waiting.Status, waiting["state"]));
        Assert.Equal((202, "running", 1, "w"), (running.Status, running["state"], running.Number("attempt"), running["owner"]));
        Assert.Equal((200, "succeeded"), (ended.Status, ended["state"]));
        Assert.Equal("""{"words":[1,2.0]}""", ended.Json.GetProperty("result").GetRawText());
        Assert.NotNull(ended["endedAt"]);
    }

    [Theory]
    [InlineData("GET", "/api/v1/jobs/9999999")]
    [InlineData("GET", "/api/v1/jobs/0")]
    [InlineData("GET", "/api/v1/jobs/x")]
    [InlineData("GET", "/api/v1/jobs/9223372036854775807")]
    [InlineData("GET", "/api/v1/jobs/9223372036854775808")]
    [InlineData("GET", "/api/v1/jobs/9999999/log")]
    [InlineData("GET", "/api/v1/jobs/x/log")]
    [InlineData("POST", "/api/v1/jobs/9999999/cancel")]
    [InlineData("POST", "/api/v1/jobs/x/cancel")]
    [InlineData("POST", "/api/v1/jobs/9223372036854775807/cancel")]
    [InlineData("POST", "/api/v1/jobs/9999999/retry")]
    [InlineData("POST", "/api/v1/jobs/x/retry")]
    [InlineData("DELETE", "/api/v1/jobs/9999999")]
    [InlineData("DELETE", "/api/v1/jobs/x")]
    public async Task One_that_never_was_is_not_found(string method, string path)
    {
        (await App.SendAsync(new HttpMethod(method), path)).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task One_that_is_no_longer_kept_is_gone()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        await App.EnqueueAsync("count", $"?queue={_queue}");

        Assert.Equal(204, (await App.DeleteAsync($"/api/v1/jobs/{id}")).Status);

        (await App.GetAsync($"/api/v1/jobs/{id}")).MustBeProblem(410, "gone");
        (await App.GetAsync($"/api/v1/jobs/{id}?wait=30")).MustBeProblem(410, "gone");
        (await App.GetAsync($"/api/v1/jobs/{id}/log")).MustBeProblem(410, "gone");
        (await App.PostAsync($"/api/v1/jobs/{id}/cancel")).MustBeProblem(410, "gone");
        (await App.PostAsync($"/api/v1/jobs/{id}/retry")).MustBeProblem(410, "gone");
        (await App.DeleteAsync($"/api/v1/jobs/{id}")).MustBeProblem(410, "gone");
    }

    [Theory]
    [InlineData("wait=-1", 0L)]
    [InlineData("wait=31", 30L)]
    [InlineData("wait=soon", null)]
    public async Task A_bad_wait_is_named(string query, long? limit)
    {
        (await App.GetAsync($"/api/v1/jobs/1?{query}")).MustBeProblem(400, "invalid", "wait", limit);
    }

    [Fact]
    public async Task Who_waits_is_answered_when_the_job_ends()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        var token = await App.ClaimTokenAsync(_queue);
        var waiting = App.GetAsync($"/api/v1/jobs/{id}?wait=30");
        await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{token}}","progress":0.5}""");
        Assert.False(waiting.IsCompleted);

        await App.CompleteAsync(token, "succeeded", ""","result":5""");

        var answer = await waiting;
        Assert.Equal((200, "succeeded", 5), (answer.Status, answer["state"], answer.Number("result")));
        Assert.Equal(200, (await App.GetAsync($"/api/v1/jobs/{id}?wait=30")).Status);
    }

    [Fact]
    public async Task Who_waited_long_enough_sees_how_far_it_is()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        var id = await timed.EnqueueAsync("count");
        var waiting = timed.GetAsync($"/api/v1/jobs/{id}?wait=7");

        // In steps, because it looks again from time to time.
        for (var passed = 0; passed < 1000 && !waiting.IsCompleted; passed++)
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
            await Task.WhenAny(waiting, Task.Delay(TimeSpan.FromMilliseconds(5), TestContext.Current.CancellationToken));
        }

        Assert.Equal((202, "waiting"), ((await waiting).Status, (await waiting)["state"]));
    }

    [Fact]
    public async Task Beyond_the_limit_of_waiting_requests_one_is_told_to_come_back_and_a_stop_answers_the_others()
    {
        await using var small = await JobsApp.StartAsync(http: http => http.MaxWaitingRequests = 1);
        var id = await small.EnqueueAsync("count");
        var one = small.GetAsync($"/api/v1/jobs/{id}?wait=30");
        var other = small.GetAsync($"/api/v1/jobs/{id}?wait=30");

        var first = await await Task.WhenAny(one, other);
        first.MustBeProblem(429, "too-many", limit: 1);
        Assert.NotNull(first.Header("Retry-After"));
        Assert.Equal(202, (await small.GetAsync($"/api/v1/jobs/{id}")).Status);

        small.Service<IHostApplicationLifetime>().StopApplication();
        var last = await (one.IsCompleted && await one == first ? other : one);
        Assert.Equal((202, "waiting"), (last.Status, last["state"]));
    }

    [Fact]
    public async Task Jobs_are_listed_the_newest_first_in_pages()
    {
        var ids = new List<string>();
        for (var i = 0; i < 5; i++)
            ids.Insert(0, await App.EnqueueAsync("count", $"?queue={_queue}"));

        var first = await App.GetAsync($"/api/v1/jobs?queue={_queue}&limit=2");
        var rest = await App.GetAsync($"/api/v1/jobs?queue={_queue}&before={ids[1]}");

        Assert.Equal(ids.Take(2), first.Ids());
        Assert.Equal(ids[1], first["scannedTo"]);
        Assert.Equal(ids.Skip(2), rest.Ids());
        Assert.Equal(JsonValueKind.Null, rest.Json.GetProperty("scannedTo").ValueKind);
        Assert.Equal((await App.GetAsync($"/api/v1/jobs/{ids[0]}")).Text, first.List("jobs")[0].GetRawText());
    }

    [Fact]
    public async Task A_page_ends_early_where_it_would_become_too_large()
    {
        var large = $"\"{new string('a', 1_000_000)}\"";
        var ids = new List<string>();
        for (var i = 0; i < 11; i++)
            ids.Insert(0, await App.EnqueueAsync("count", $"?queue={_queue}", large));

        var first = await App.GetAsync($"/api/v1/jobs?queue={_queue}");
        var rest = await App.GetAsync($"/api/v1/jobs?queue={_queue}&before={first["scannedTo"]}");

        Assert.InRange(first.Text.Length, 1, 9 << 20);
        Assert.Equal(first.Ids()[^1], first["scannedTo"]);
        Assert.Equal(ids, first.Ids().Concat(rest.Ids()));
    }

    [Fact]
    public async Task A_filter_chooses_by_state_queue_name_arguments_and_time()
    {
        var failed = await App.RunAsync(_queue, "hopeless", name: "a");
        var succeeded = await App.RunAsync(_queue, name: "b");
        var delayed = await App.EnqueueAsync("b", $"?queue={_queue}&delaySeconds=60", """{"city":"Novi Sad"}""");

        Assert.Equal([succeeded, failed], await IdsAsync("state=failed,succeeded"));
        Assert.Equal([delayed], await IdsAsync("state=delayed"));
        Assert.Equal([delayed, succeeded], await IdsAsync("name=b"));
        Assert.Equal([delayed], await IdsAsync("q=novi%20sad"));
        Assert.Empty(await IdsAsync("enqueuedBefore=2020-01-01T00:00:00Z"));
        Assert.Equal([delayed, succeeded, failed], await IdsAsync("enqueuedAfter=2020-01-01T00:00:00.5%2B02:00"));
        Assert.Empty(await IdsAsync("olderThanSeconds=3600"));
        Assert.Empty((await App.GetAsync($"/api/v1/jobs?queue={_queue}x")).List("jobs"));

        async Task<string[]> IdsAsync(string query) => (await App.GetAsync($"/api/v1/jobs?queue={_queue}&{query}")).Ids();
    }

    [Theory]
    [InlineData("state=sleeping", "state", null)]
    [InlineData("state=failed,", "state", null)]
    [InlineData("queue=a%20b", "queue", null)]
    [InlineData("name=%3F", "name", null)]
    [InlineData("q=%00", "q", null)]
    [InlineData("enqueuedAfter=monday", "enqueuedAfter", null)]
    [InlineData("enqueuedBefore=5", "enqueuedBefore", null)]
    [InlineData("olderThanSeconds=-1", "olderThanSeconds", 0L)]
    [InlineData("olderThanSeconds=ten", "olderThanSeconds", null)]
    [InlineData("before=latest", "before", null)]
    [InlineData("limit=0", "limit", 1L)]
    [InlineData("limit=501", "limit", 500L)]
    public async Task A_bad_filter_is_named(string query, string field, long? limit)
    {
        (await App.GetAsync($"/api/v1/jobs?{query}")).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task A_search_that_is_too_long_is_refused_with_the_limit()
    {
        (await App.GetAsync($"/api/v1/jobs?q={new string('q', 201)}")).MustBeProblem(400, "invalid", "q", 200);
    }

    [Fact]
    public async Task The_log_has_the_lines_of_all_attempts()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        Assert.Empty((await App.GetAsync($"/api/v1/jobs/{id}/log")).List("lines"));
        var first = await App.ClaimTokenAsync(_queue);
        await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{first}}","lines":[{"text":"one"},{"level":"warning","text":"<two>"}]}""");
        await App.CompleteAsync(first, "failed", ""","delaySeconds":0""");
        var second = await App.ClaimTokenAsync(_queue);
        await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{second}}","lines":[{"level":"critical","text":"three"}]}""");

        var lines = (await App.GetAsync($"/api/v1/jobs/{id}/log")).List("lines");

        Assert.All(lines, line => Assert.Equal(["at", "attempt", "level", "text"], line.EnumerateObject().Select(member => member.Name)));
        Assert.Equal(
            [(1, "info", "one"), (1, "warning", "<two>"), (2, "critical", "three")],
            lines.Select(line => (line.GetProperty("attempt").GetInt32(), line.GetProperty("level").GetString(), line.GetProperty("text").GetString())));
    }

    [Fact]
    public async Task One_that_has_not_started_is_cancelled_and_one_that_runs_is_asked_to_stop()
    {
        var waiting = await App.EnqueueAsync("count", $"?queue={_queue}");
        var cancelled = await App.PostAsync($"/api/v1/jobs/{waiting}/cancel");
        var running = await App.EnqueueAsync("count", $"?queue={_queue}");
        var token = await App.ClaimTokenAsync(_queue);
        var asked = await App.PostAsync($"/api/v1/jobs/{running}/cancel");
        var askedAgain = await App.PostAsync($"/api/v1/jobs/{running}/cancel");

        Assert.Equal((202, "cancelled"), (cancelled.Status, cancelled["state"]));
        Assert.Equal((202, "running", true), (asked.Status, asked["state"], asked.Json.GetProperty("cancelRequested").GetBoolean()));
        Assert.Equal((202, "running"), (askedAgain.Status, askedAgain["state"]));
        (await App.PostAsync($"/api/v1/jobs/{waiting}/cancel")).MustBeProblem(409, "ended");
        await App.CompleteAsync(token, "cancelled");
        Assert.Equal("cancelled", await App.StateAsync(running));
    }

    [Fact]
    public async Task One_that_failed_waits_again_when_it_is_retried()
    {
        var failed = await App.RunAsync(_queue, "hopeless", ""","error":"No such page." """);
        Assert.Equal("No such page.", (await App.GetAsync($"/api/v1/jobs/{failed}"))["error"]);

        var retried = await App.PostAsync($"/api/v1/jobs/{failed}/retry");

        Assert.Equal((202, "waiting"), (retried.Status, retried["state"]));
        (await App.PostAsync($"/api/v1/jobs/{failed}/retry")).MustBeProblem(409, "not-ended");
        Assert.Single(await App.ClaimAsync(_queue));
        (await App.PostAsync($"/api/v1/jobs/{failed}/retry")).MustBeProblem(409, "not-ended");
    }

    [Fact]
    public async Task One_that_succeeded_is_not_retried()
    {
        var id = await App.RunAsync(_queue);

        (await App.PostAsync($"/api/v1/jobs/{id}/retry")).MustBeProblem(409, "succeeded");
        Assert.Equal("succeeded", await App.StateAsync(id));
    }

    [Fact]
    public async Task One_that_runs_is_not_deleted()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        var token = await App.ClaimTokenAsync(_queue);

        (await App.DeleteAsync($"/api/v1/jobs/{id}")).MustBeProblem(409, "running");
        await App.CompleteAsync(token, "succeeded");

        Assert.Equal(204, (await App.DeleteAsync($"/api/v1/jobs/{id}")).Status);
    }
}
