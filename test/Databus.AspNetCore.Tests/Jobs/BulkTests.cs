using Databus.Nodes;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Jobs;

public sealed class BulkTests(JobsApp jobs) : IClassFixture<JobsApp>
{
    private readonly string _queue = "q" + Guid.NewGuid().ToString("n");

    private DatabusApp App => jobs.App;

    [Fact]
    public async Task All_that_a_filter_matches_are_cancelled_retried_and_deleted()
    {
        await App.PostAsync("/api/v1/jobs", $"[{string.Join(',', Enumerable.Repeat($$"""{"name":"a","queue":"{{_queue}}"}""", 30))}]");
        var other = await App.EnqueueAsync("b", $"?queue={_queue}");

        var cancelled = await App.PostAsync("/api/v1/jobs/bulk/cancel", $$"""{"filter":{"queue":"{{_queue}}","name":"a"} }""");
        Assert.Equal("""{"changed":30,"scannedTo":null}""", cancelled.Text);
        Assert.Equal("waiting", await App.StateAsync(other));

        var retried = await App.PostAsync("/api/v1/jobs/bulk/retry", $$"""{"filter":{"queue":"{{_queue}}","states":["cancelled","failed"]} }""");
        Assert.Equal(30, retried.Number("changed"));

        var deleted = await App.PostAsync("/api/v1/jobs/bulk/delete", $$"""{"filter":{"queue":"{{_queue}}","states":["waiting"]} }""");
        Assert.Equal(31, deleted.Number("changed"));
        Assert.Empty((await App.GetAsync($"/api/v1/jobs?queue={_queue}")).List("jobs"));
    }

    [Fact]
    public async Task Polls_of_sources_are_meant_only_by_who_says_so()
    {
        await using var app = await JobsApp.StartAsync();
        var poll = await app.EnqueueAsync("poll-source", arguments: """{"source":"news"}""");
        var job = await app.EnqueueAsync("a");

        Assert.Equal([job], (await app.GetAsync("/api/v1/jobs")).Ids());
        Assert.Equal([job], (await app.GetAsync("/api/v1/jobs?state=waiting")).Ids());
        Assert.Equal([poll], (await app.GetAsync("/api/v1/jobs?queue=sources")).Ids());
        Assert.Equal([poll], (await app.GetAsync("/api/v1/jobs?name=poll-source")).Ids());
        Assert.Equal(1, (await app.PostAsync("/api/v1/jobs/bulk/cancel", """{"all":true}""")).Number("changed"));
        Assert.Equal("waiting", await app.StateAsync(poll));
        Assert.Equal(1, (await app.PostAsync("/api/v1/jobs/bulk/cancel", $$"""{"filter":{"ids":["{{poll}}"]} }""")).Number("changed"));
    }

    [Fact]
    public async Task Jobs_are_chosen_by_their_ids()
    {
        var ids = new List<string>();
        for (var i = 0; i < 4; i++)
            ids.Add(await App.EnqueueAsync("a", $"?queue={_queue}"));

        var answer = await App.PostAsync("/api/v1/jobs/bulk/cancel", $$"""{"filter":{"ids":["{{ids[0]}}","{{ids[2]}}","99999999"]} }""");
        var none = await App.PostAsync("/api/v1/jobs/bulk/cancel", """{"filter":{"ids":[]}}""");

        Assert.Equal(2, answer.Number("changed"));
        Assert.Equal(0, none.Number("changed"));
        Assert.Equal([ids[3], ids[1]], (await App.GetAsync($"/api/v1/jobs?queue={_queue}&state=waiting")).Ids());
    }

    [Fact]
    public async Task What_takes_longer_than_ten_hours_is_deleted_in_one_request()
    {
        var clock = new FakeClock();
        await using var timed = await JobsApp.StartAsync(clock);
        await timed.RunAsync("q", "hopeless");
        var slow = await timed.EnqueueAsync("a", "?queue=q");
        clock.Advance(TimeSpan.FromHours(11));
        var quick = await timed.EnqueueAsync("a", "?queue=q");

        var answer = await timed.PostAsync("/api/v1/jobs/bulk/delete", """{"filter":{"olderThanSeconds":36000}}""");

        Assert.Equal(1, answer.Number("changed"));
        (await timed.GetAsync($"/api/v1/jobs/{slow}")).MustBeProblem(410, "gone");
        Assert.Equal("waiting", await timed.StateAsync(quick));
    }

    [Fact]
    public async Task A_request_goes_on_for_five_seconds_and_says_where_it_stopped()
    {
        var clock = new FakeClock();
        await using var slow = await DatabusApp.StartAsync(new AppSetup
        {
            Clock = clock,
            Node = node => node.Roles = NodeRoles.Api,
            Store = store => StoreFaults.Before(store, verb => null, jobs => SlowSteps.Before(jobs, clock)),
        });

        var first = await slow.PostAsync("/api/v1/jobs/bulk/delete", """{"all":true}""");
        var second = await slow.PostAsync("/api/v1/jobs/bulk/delete", $$"""{"all":true,"before":"{{first["scannedTo"]}}"}""");
        var last = await slow.PostAsync("/api/v1/jobs/bulk/delete", $$"""{"all":true,"before":"{{second["scannedTo"]}}"}""");

        Assert.Equal("""{"changed":5,"scannedTo":"8"}""", first.Text);
        Assert.Equal("""{"changed":5,"scannedTo":"3"}""", second.Text);
        Assert.Equal("""{"changed":3,"scannedTo":null}""", last.Text);
    }

    [Theory]
    [InlineData("{}", "filter", null)]
    [InlineData("""{"filter":{}}""", "filter", null)]
    [InlineData("""{"filter":{"q":""}}""", "filter", null)]
    [InlineData("""{"filter":{},"all":false}""", "filter", null)]
    [InlineData("""{"all":"yes"}""", "all", null)]
    [InlineData("""{"filter":{"queue":"a"},"before":5}""", "before", null)]
    [InlineData("""{"filter":{"queue":"a"},"before":"x"}""", "before", null)]
    [InlineData("""{"filter":{"ids":["x"]}}""", "filter.ids", null)]
    [InlineData("""{"filter":{"ids":[null]}}""", "filter.ids", null)]
    [InlineData("""{"filter":{"states":["asleep"]}}""", "filter.states", null)]
    [InlineData("""{"filter":{"states":[null]}}""", "filter.states", null)]
    [InlineData("""{"filter":{"queue":"a b"}}""", "filter.queue", null)]
    [InlineData("""{"filter":{"name":""}}""", "filter.name", null)]
    [InlineData("""{"filter":{"q":"\n"}}""", "filter.q", null)]
    [InlineData("""{"filter":{"olderThanSeconds":-1}}""", "filter.olderThanSeconds", 0L)]
    [InlineData("""{"filter":{"state":"failed"}}""", "filter", null)]
    [InlineData("""{"filter":5}""", "filter", null)]
    public async Task A_bad_wish_is_named(string body, string field, long? limit)
    {
        foreach (var verb in (string[])["cancel", "retry", "delete"])
            (await App.PostAsync($"/api/v1/jobs/bulk/{verb}", body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Fact]
    public async Task A_job_may_be_called_bulk()
    {
        Assert.Equal("bulk", (await App.PostAsync($"/api/v1/jobs/bulk?queue={_queue}"))["name"]);
    }
}
