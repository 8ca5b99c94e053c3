using Databus.AspNetCore.Jobs;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Databus.AspNetCore.Tests.Jobs;

/// <summary>Workers that are programs of their own.</summary>
public sealed class WorkerTests(JobsApp jobs) : IClassFixture<JobsApp>
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private DatabusApp App => jobs.App;

    [Fact]
    public async Task A_claimed_job_shows_what_the_worker_needs()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}&maxAttempts=3", """{"a":1.0}""");

        var job = (await App.ClaimAsync(_queue))[0];

        Assert.Equal(
            ["id", "token", "name", "queue", "arguments", "attempt", "maxAttempts", "enqueuedAt"], job.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            (id, "count", _queue, """{"a":1.0}""", 1, 3),
            (job.GetProperty("id").GetString(), job.GetProperty("name").GetString(), job.GetProperty("queue").GetString(), job.GetProperty("arguments").GetRawText(),
                job.GetProperty("attempt").GetInt32(), job.GetProperty("maxAttempts").GetInt32()));
        Assert.StartsWith(id + "-", job.GetProperty("token").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Jobs_are_chosen_by_queue_and_name_and_come_by_priority()
    {
        await App.EnqueueAsync("a", $"?queue={_queue}&priority=low");
        await App.EnqueueAsync("b", $"?queue={_queue}");
        await App.EnqueueAsync("a", $"?queue={_queue}&priority=high");
        await App.EnqueueAsync("a", $"?queue={_queue}other");

        var named = (await ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}"],"names":["a","c"],"max":100}""")).List("jobs");
        var rest = (await ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}","{{_queue}}other"],"max":100}""")).List("jobs");

        Assert.Equal(["a", "a"], named.Select(job => job.GetProperty("name").GetString()));
        Assert.Equal(2, rest.Length);
        var priorities = await Task.WhenAll(named.Select(job => App.GetAsync($"/api/v1/jobs/{job.GetProperty("id").GetString()}")));
        Assert.Equal(["high", "low"], priorities.Select(job => job["priority"]));
    }

    [Theory]
    [InlineData("{}", "worker", null)]
    [InlineData("""{"worker":" "}""", "worker", null)]
    [InlineData("""{"worker":"a\u0000"}""", "worker", null)]
    [InlineData("""{"worker":"w","queues":[]}""", "queues", null)]
    [InlineData("""{"worker":"w","queues":["a b"]}""", "queues", null)]
    [InlineData("""{"worker":"w","queues":[null]}""", "queues", null)]
    [InlineData("""{"worker":"w","names":[""]}""", "names", null)]
    [InlineData("""{"worker":"w","names":"a"}""", "names", null)]
    [InlineData("""{"worker":"w","max":0}""", "max", 1L)]
    [InlineData("""{"worker":"w","max":101}""", "max", 100L)]
    [InlineData("""{"worker":"w","leaseSeconds":0.5}""", "leaseSeconds", 1L)]
    [InlineData("""{"worker":"w","leaseSeconds":3601}""", "leaseSeconds", 3600L)]
    [InlineData("""{"worker":"w","waitSeconds":-1}""", "waitSeconds", 0L)]
    [InlineData("""{"worker":"w","waitSeconds":31}""", "waitSeconds", 30L)]
    [InlineData("""{"worker":"w","wait":5}""", "wait", null)]
    public async Task A_bad_claim_is_named(string body, string field, long? limit)
    {
        (await ClaimAsync(body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task Names_that_are_too_long_or_too_many_are_refused_with_the_limit()
    {
        (await ClaimAsync($$"""{"worker":"{{new string('w', 201)}}"}""")).MustBeProblem(400, "invalid", "worker", 200);
        (await ClaimAsync($$"""{"worker":"w","names":[{{string.Join(',', Enumerable.Repeat("\"a\"", 1001))}}]}""")).MustBeProblem(400, "invalid", "names", 1000);
    }

    [Fact]
    public async Task A_claim_that_waits_is_answered_by_the_next_job()
    {
        var waiting = ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}"],"waitSeconds":30}""");
        var others = ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}other"],"waitSeconds":30}""");
        await App.EnqueueAsync("count", $"?queue={_queue}");

        Assert.Single((await waiting).List("jobs"));
        Assert.False(others.IsCompleted);
        await App.EnqueueAsync("count", $"?queue={_queue}other");
        Assert.Single((await others).List("jobs"));
    }

    [Fact]
    public async Task One_job_wakes_one_of_those_who_wait_and_all_get_one_in_the_end()
    {
        const int Workers = 20;
        var waiting = Enumerable.Range(0, Workers).Select(_ => ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}"],"waitSeconds":30}""")).ToList();

        await App.PostAsync("/api/v1/jobs", $"[{string.Join(',', Enumerable.Repeat($$"""{"name":"a","queue":"{{_queue}}"}""", Workers))}]");

        var ids = (await Task.WhenAll(waiting)).SelectMany(answer => answer.Ids()).ToList();
        Assert.Equal(Workers, ids.Distinct().Count());
    }

    [Fact]
    public async Task A_delayed_job_is_handed_out_when_it_is_due()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        await timed.EnqueueAsync("count", "?delaySeconds=10");
        var waiting = timed.PostAsync("/api/v1/workers/claim", """{"worker":"w","waitSeconds":30}""");
        await clock.WhenTimerInAsync(TimeSpan.FromSeconds(30));

        for (var second = 0; second < 9; second++)
            await AdvanceAsync();
        Assert.False(waiting.IsCompleted);
        for (var second = 0; second < 2; second++)
            await AdvanceAsync();

        Assert.Single((await waiting).List("jobs"));

        // It looks once a second, and waits on.
        async Task AdvanceAsync()
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            if (!waiting.IsCompleted)
                await Task.WhenAny(waiting, clock.WhenTimerInAsync(TimeSpan.FromSeconds(1)));
        }
    }

    [Fact]
    public async Task A_claim_ends_empty_handed_when_its_time_is_over_and_when_Databus_stops()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        var brief = timed.PostAsync("/api/v1/workers/claim", """{"worker":"w","waitSeconds":7}""");
        await clock.WhenTimerInAsync(TimeSpan.FromSeconds(7));
        clock.Advance(TimeSpan.FromSeconds(7));
        Assert.Equal("""{"jobs":[]}""", (await brief).Text);

        var patient = timed.PostAsync("/api/v1/workers/claim", """{"worker":"w","waitSeconds":30}""");
        await clock.WhenTimerInAsync(TimeSpan.FromSeconds(30));
        timed.Service<IHostApplicationLifetime>().StopApplication();
        Assert.Equal("""{"jobs":[]}""", (await patient).Text);
    }

    [Fact]
    public async Task Beyond_the_limit_of_waiting_requests_a_worker_is_told_to_come_back()
    {
        await using var small = await JobsApp.StartAsync(http: http => http.MaxWaitingRequests = 0);

        var refused = await small.PostAsync("/api/v1/workers/claim", """{"worker":"w","waitSeconds":30}""");

        refused.MustBeProblem(429, "too-many", limit: 0);
        Assert.Equal(200, (await small.PostAsync("/api/v1/workers/claim", """{"worker":"w"}""")).Status);
    }

    [Fact]
    public async Task A_lease_is_held_by_renewing_and_goes_to_another_when_it_ends()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        var id = await timed.EnqueueAsync("count");
        var token = await timed.ClaimTokenAsync("default", leaseSeconds: 10);

        clock.Advance(TimeSpan.FromSeconds(9));
        var renewed = await timed.PostAsync("/api/v1/workers/renew", $$"""{"tokens":["{{token}}","nonsense"],"leaseSeconds":20}""");
        clock.Advance(TimeSpan.FromSeconds(19));
        Assert.Equal(0, await JobsApp.StoreOf(timed).RescueAsync(TestContext.Current.CancellationToken));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(1, await JobsApp.StoreOf(timed).RescueAsync(TestContext.Current.CancellationToken));

        Assert.Equal("""{"renewed":1,"lost":["nonsense"],"cancelRequested":[]}""", renewed.Text);
        var again = (await timed.ClaimAsync("default"))[0];
        Assert.Equal((id, 2), (again.GetProperty("id").GetString(), again.GetProperty("attempt").GetInt32()));
        var lost = $$"""{"renewed":0,"lost":["{{token}}"],"cancelRequested":[]}""";
        Assert.Equal(lost, (await timed.PostAsync("/api/v1/workers/renew", $$"""{"tokens":["{{token}}"]}""")).Text);
        Assert.Equal(lost, (await timed.PostAsync("/api/v1/workers/report", $$"""{"token":"{{token}}","progress":1,"lines":[{"text":"zombie"}]}""")).Text);
        Assert.Equal($$"""{"completed":0,"lost":["{{token}}"]}""", (await timed.CompleteAsync(token, "succeeded", ""","result":"zombie" """)).Text);
        Assert.Equal("running", await timed.StateAsync(id));
        Assert.Empty((await timed.GetAsync($"/api/v1/jobs/{id}/log")).List("lines"));
    }

    [Theory]
    [InlineData("renew", "{}", "tokens", null)]
    [InlineData("renew", """{"tokens":["1-1"],"leaseSeconds":0}""", "leaseSeconds", 1L)]
    [InlineData("report", "{}", "token", null)]
    [InlineData("report", """{"token":"1-1","progress":1.5}""", "progress", 1L)]
    [InlineData("report", """{"token":"1-1","progress":-0.5}""", "progress", 0L)]
    [InlineData("report", """{"token":"1-1","lines":[null]}""", "lines", null)]
    [InlineData("report", """{"token":"1-1","lines":[{}]}""", "lines", null)]
    [InlineData("report", """{"token":"1-1","lines":[{"level":"loud","text":"a"}]}""", "lines", null)]
    [InlineData("complete", "{}", "completions", null)]
    [InlineData("complete", """{"completions":[null]}""", "completions[0].token", null)]
    [InlineData("complete", """{"completions":[{"outcome":"succeeded"}]}""", "completions[0].token", null)]
    [InlineData("complete", """{"completions":[{"token":"1-1"}]}""", "completions[0].outcome", null)]
    [InlineData("complete", """{"completions":[{"token":"1-1","outcome":"succeeded"},{"token":"1-1","outcome":"done"}]}""", "completions[1].outcome", null)]
    [InlineData("complete", """{"completions":[{"token":"1-1","outcome":"failed","result":1}]}""", "completions[0].result", null)]
    [InlineData("complete", """{"completions":[{"token":"1-1","outcome":"failed","delaySeconds":-1}]}""", "completions[0].delaySeconds", 0L)]
    [InlineData("complete", """{"completions":[{"token":"1-1","outcome":"failed","delaySeconds":604801}]}""", "completions[0].delaySeconds", 604_800L)]
    public async Task What_is_wrong_is_named(string verb, string body, string field, long? limit)
    {
        (await App.PostAsync($"/api/v1/workers/{verb}", body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task What_is_too_long_or_too_much_is_refused_with_the_limit()
    {
        await using var small = await JobsApp.StartAsync(http: http => http.MaxItemBytes = 100);
        var tokens = string.Join(',', Enumerable.Repeat("\"1-1\"", 10_001));
        var lines = string.Join(',', Enumerable.Repeat("""{"text":"a"}""", 1001));
        var completions = string.Join(',', Enumerable.Repeat("""{"token":"1-1","outcome":"succeeded"}""", 1001));

        (await PostAsync("renew", $$"""{"tokens":[{{tokens}}]}""")).MustBeProblem(400, "invalid", "tokens", 10_000);
        (await PostAsync("report", $$"""{"token":"1-1","message":"{{new string('m', 1001)}}"}""")).MustBeProblem(400, "invalid", "message", 1000);
        (await PostAsync("report", $$"""{"token":"1-1","lines":[{{lines}}]}""")).MustBeProblem(400, "invalid", "lines", 1000);
        (await PostAsync("report", $$"""{"token":"1-1","lines":[{"text":"{{new string('l', 2001)}}"}]}""")).MustBeProblem(400, "invalid", "lines", 2000);
        (await PostAsync("complete", $$"""{"completions":[{{completions}}]}""")).MustBeProblem(400, "invalid", "completions", 1000);
        (await small.CompleteAsync("1-1", "failed", $""","error":"{new string('e', 2001)}" """)).MustBeProblem(400, "invalid", "completions[0].error", 2000);
        (await small.CompleteAsync("1-1", "succeeded", $""","result":"{new string('r', 101)}" """)).MustBeProblem(413, "too-large", "completions[0].result", 100);
        (await small.CompleteAsync("1-1", "succeeded", ""","result":{"a":1,"a":2}""")).MustBeProblem(400, "content", "completions[0].result");

        Task<Answer> PostAsync(string verb, string body) => small.PostAsync($"/api/v1/workers/{verb}", body);
    }

    [Fact]
    public async Task What_a_job_says_is_seen_while_it_runs_and_what_is_left_out_stays()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        var token = await App.ClaimTokenAsync(_queue);

        await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{token}}","progress":0.25,"message":"page 1 of 4"}""");
        var answer = await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{token}}","message":"page 2 of 4"}""");

        Assert.Equal("""{"renewed":1,"lost":[],"cancelRequested":[]}""", answer.Text);
        var job = await App.GetAsync($"/api/v1/jobs/{id}");
        Assert.Equal((202, 0.25, "page 2 of 4"), (job.Status, job.Json.GetProperty("progress").GetDouble(), job["message"]));
    }

    [Fact]
    public async Task A_worker_hears_that_its_job_shall_stop()
    {
        var id = await App.EnqueueAsync("count", $"?queue={_queue}");
        var token = await App.ClaimTokenAsync(_queue);
        await App.PostAsync($"/api/v1/jobs/{id}/cancel");

        var heard = $$"""{"renewed":1,"lost":[],"cancelRequested":["{{token}}"]}""";
        Assert.Equal(heard, (await App.PostAsync("/api/v1/workers/renew", $$"""{"tokens":["{{token}}"]}""")).Text);
        Assert.Equal(heard, (await App.PostAsync("/api/v1/workers/report", $$"""{"token":"{{token}}"}""")).Text);
        Assert.Equal("""{"completed":1,"lost":[]}""", (await App.CompleteAsync(token, "cancelled")).Text);
        Assert.Equal("cancelled", await App.StateAsync(id));
    }

    [Theory]
    [InlineData("succeeded", ",\"result\":{\"n\":1}", "succeeded")]
    [InlineData("succeeded", "", "succeeded")]
    [InlineData("failed", ",\"delaySeconds\":0", "waiting")]
    [InlineData("failed", ",\"delaySeconds\":60", "delayed")]
    [InlineData("failed", "", "delayed")]
    [InlineData("hopeless", ",\"error\":\"never\"", "failed")]
    [InlineData("returned", "", "waiting")]
    [InlineData("returned", ",\"delaySeconds\":60", "delayed")]
    [InlineData("cancelled", "", "waiting")]
    public async Task Each_outcome_has_its_state(string outcome, string more, string state)
    {
        Assert.Equal(state, await App.StateAsync(await App.RunAsync(_queue, outcome, more)));
    }

    [Fact]
    public async Task A_failure_waits_longer_each_time_unless_the_worker_says_how_long_and_has_a_reason()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        var id = await timed.EnqueueAsync("count");
        var waits = new List<TimeSpan>();
        for (var attempt = 1; attempt <= 4; attempt++)
        {
            await timed.CompleteAsync(await timed.ClaimTokenAsync("default"), "failed");
            var job = await timed.GetAsync($"/api/v1/jobs/{id}");
            Assert.Equal("The worker gave no reason.", job["error"]);
            waits.Add(job.Json.GetProperty("dueAt").GetDateTimeOffset() - clock.GetUtcNow());
            clock.Advance(waits[^1] + TimeSpan.FromSeconds(1));
        }

        Assert.InRange(waits[0], TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(6));
        Assert.InRange(waits[3], TimeSpan.FromSeconds(32), TimeSpan.FromSeconds(48));
    }

    [Fact]
    public async Task Many_are_completed_at_once_and_what_is_lost_is_named()
    {
        for (var i = 0; i < 3; i++)
            await App.EnqueueAsync("count", $"?queue={_queue}");
        var tokens = (await App.ClaimAsync(_queue, 3)).Select(job => job.GetProperty("token").GetString()).ToList();
        await App.CompleteAsync(tokens[1]!, "succeeded");

        var answer = await App.PostAsync("/api/v1/workers/complete", $$"""
            {"completions":[
              {"token":"{{tokens[0]}}","outcome":"succeeded","result":[]},
              {"token":"{{tokens[1]}}","outcome":"succeeded"},
              {"token":"nonsense","outcome":"succeeded"},
              {"token":"{{tokens[2]}}","outcome":"hopeless","error":"no"}
            ]}
            """);

        Assert.Equal($$"""{"completed":2,"lost":["{{tokens[1]}}","nonsense"]}""", answer.Text);
    }

    [Fact]
    public async Task What_was_claimed_for_a_client_that_left_does_not_wait_for_its_lease()
    {
        using (var gone = await RawConnection.OpenAsync(App))
        {
            var body = $$"""{"worker":"gone","queues":["{{_queue}}"],"waitSeconds":30,"leaseSeconds":3600}""";
            await gone.SendHeadAsync(
                "POST /api/v1/workers/claim HTTP/1.1", $"Host: localhost:{App.Address.Port}", "Content-Type: application/json", $"Content-Length: {body.Length}");
            await gone.SendAsync(body);
            gone.Reset();
        }

        await App.EnqueueAsync("count", $"?queue={_queue}");

        Assert.Single((await ClaimAsync($$"""{"worker":"w","queues":["{{_queue}}"],"waitSeconds":30}""")).List("jobs"));
    }

    [Fact]
    public async Task What_was_claimed_while_the_client_left_goes_back_at_once_and_uses_up_no_attempt()
    {
        using var left = new CancellationTokenSource();
        await using var app = await DatabusApp.StartAsync(new AppSetup
        {
            Node = node => node.Roles = NodeRoles.Api,
            Store = store => StoreFaults.Before(store, _ => null, jobs => JobStoreProbe.Before(jobs, verb =>
            {
                if (verb == nameof(IJobStore.ClaimAsync))
                    left.Cancel();
            })),
        });
        var id = await app.EnqueueAsync("count");
        var context = new DefaultHttpContext { RequestAborted = left.Token };
        context.Request.Body = new MemoryStream("""{"worker":"w","leaseSeconds":3600}"""u8.ToArray());

        await app.Service<WorkerRoutes>().ClaimAsync(context);

        var job = await app.GetAsync($"/api/v1/jobs/{id}");
        Assert.Equal(("waiting", 0), (job["state"], job.Number("attempt")));
    }

    private Task<Answer> ClaimAsync(string body) => App.PostAsync("/api/v1/workers/claim", body);
}
