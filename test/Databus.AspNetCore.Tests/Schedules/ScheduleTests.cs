using System.Text.Json;
using Databus.AspNetCore.Tests.Jobs;
using Databus.Nodes;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Schedules;

/// <summary>On a clock that stands at noon of 1 March 2026, in UTC.</summary>
public sealed class ScheduleTests : IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private DatabusApp? _app;

    private DatabusApp App => _app!;

    public async ValueTask InitializeAsync() => _app = await JobsApp.StartAsync(_clock);

    public ValueTask DisposeAsync() => App.DisposeAsync();

    [Fact]
    public async Task A_new_schedule_has_the_defaults()
    {
        var answer = await App.PutAsync("/api/v1/schedules/clean", """{"everySeconds":600,"job":{"name":"clean-up"}}""");

        Assert.Equal(201, answer.Status);
        Assert.Equal(
            """
            {"name":"clean","everySeconds":600,"cron":null,"zone":"UTC","job":{"name":"clean-up","arguments":{},"queue":"default","priority":"normal","maxAttempts":10,"expiresSeconds":null,"keepSeconds":604800,"limitKey":null,"maxRunning":null,"maxStarts":null,"perSeconds":null},"catchUp":"latest","catchUpLimit":100,"overlap":"skip","jitterSeconds":0,"paused":false,"nextAt":"2026-03-01T12:10:00.000Z","lastTickAt":null,"lastJobId":null,"lastJobState":null,"ticks":0,"skipped":0}
            """,
            answer.Text);
        Assert.Equal(answer.Text, (await App.GetAsync("/api/v1/schedules/clean")).Text);
        Assert.Equal(answer.Text, (await App.GetAsync("/api/v1/schedules")).List("schedules").Single().GetRawText());
    }

    [Fact]
    public async Task Everything_that_is_said_is_kept_and_what_is_left_out_stays()
    {
        var put = await App.PutAsync("/api/v1/schedules/report", """
            {"cron":"0 7 * * MON-FRI","zone":"Europe/Berlin","catchUp":"all","catchUpLimit":5,"overlap":"cancelOld","jitterSeconds":1.5,"paused":true,
             "job":{"name":"report","arguments":[1.0],"queue":"mail","priority":"low","maxAttempts":2,"expiresSeconds":60,"keepSeconds":3600,
                    "limitKey":"mail","maxRunning":1,"maxStarts":5,"perSeconds":60}}
            """);
        var changed = await App.PutAsync("/api/v1/schedules/report", """{"jitterSeconds":2}""");

        Assert.Equal((201, 200), (put.Status, changed.Status));
        Assert.Equal(
            """
            {"name":"report","arguments":[1.0],"queue":"mail","priority":"low","maxAttempts":2,"expiresSeconds":60,"keepSeconds":3600,"limitKey":"mail","maxRunning":1,"maxStarts":5,"perSeconds":60}
            """,
            changed.Json.GetProperty("job").GetRawText());
        Assert.Equal(
            ("0 7 * * MON-FRI", "Europe/Berlin", "all", 5, "cancelOld", 2, JsonValueKind.Null),
            (changed["cron"], changed["zone"], changed["catchUp"], changed.Number("catchUpLimit"), changed["overlap"], changed.Number("jitterSeconds"),
                changed.Json.GetProperty("nextAt").ValueKind));
        var resumed = await App.PutAsync("/api/v1/schedules/report", """{"paused":false}""");
        Assert.Equal("2026-03-02T06:00:00.000Z", resumed["nextAt"]);
    }

    [Fact]
    public async Task A_rule_takes_the_place_of_the_other_kind()
    {
        await App.PutAsync("/api/v1/schedules/s", """{"cron":"0 7 * * *","zone":"Europe/Berlin","job":{"name":"a"}}""");

        var every = await App.PutAsync("/api/v1/schedules/s", """{"everySeconds":60}""");
        var cron = await App.PutAsync("/api/v1/schedules/s", """{"cron":"0 8 * * *"}""");
        var zoned = await App.PutAsync("/api/v1/schedules/s", """{"zone":"Asia/Tokyo"}""");

        Assert.Equal((60, JsonValueKind.Null, "UTC"), (every.Number("everySeconds"), every.Json.GetProperty("cron").ValueKind, every["zone"]));
        Assert.Equal((JsonValueKind.Null, "0 8 * * *", "UTC"), (cron.Json.GetProperty("everySeconds").ValueKind, cron["cron"], cron["zone"]));
        Assert.Equal(("0 8 * * *", "Asia/Tokyo", "2026-03-01T23:00:00.000Z"), (zoned["cron"], zoned["zone"], zoned["nextAt"]));
    }

    [Theory]
    [InlineData("""{"job":{"name":"a"}}""", "everySeconds", null)]
    [InlineData("""{"everySeconds":60}""", "job", null)]
    [InlineData("""{"everySeconds":60,"cron":"* * * * *","job":{"name":"a"}}""", "cron", null)]
    [InlineData("""{"everySeconds":0.5,"job":{"name":"a"}}""", "everySeconds", 1L)]
    [InlineData("""{"everySeconds":1e99,"job":{"name":"a"}}""", "everySeconds", 31_622_400L)]
    [InlineData("""{"everySeconds":1.00001,"job":{"name":"a"}}""", "everySeconds", null)]
    [InlineData("""{"cron":"* * *","job":{"name":"a"}}""", "cron", null)]
    [InlineData("""{"cron":"61 * * * *","job":{"name":"a"}}""", "cron", null)]
    [InlineData("""{"cron":"* * * * *","zone":"Mars/Olympus","job":{"name":"a"}}""", "zone", null)]
    [InlineData("""{"cron":"* * * * *","zone":"../../etc/passwd","job":{"name":"a"}}""", "zone", null)]
    [InlineData("""{"everySeconds":60,"zone":"Europe/Berlin","job":{"name":"a"}}""", "zone", null)]
    [InlineData("""{"everySeconds":60,"job":{}}""", "job.name", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a b"}}""", "job.name", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a","queue":"a b"}}""", "job.queue", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a","priority":"top"}}""", "job.priority", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a","maxAttempts":0}}""", "job.maxAttempts", 1L)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a","uniqueKey":"k"}}""", "job", null)]
    [InlineData("""{"everySeconds":60,"job":"a"}""", "job", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"catchUp":"some"}""", "catchUp", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"catchUpLimit":0}""", "catchUpLimit", 1L)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"catchUpLimit":1001}""", "catchUpLimit", 1000L)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"overlap":"cancelold"}""", "overlap", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"jitterSeconds":-1}""", "jitterSeconds", 0L)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"jitterSeconds":86401}""", "jitterSeconds", 86_400L)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"jitterSeconds":0.00001}""", "jitterSeconds", null)]
    [InlineData("""{"everySeconds":60,"job":{"name":"a"},"paused":1}""", "paused", null)]
    [InlineData("""{"every":60,"job":{"name":"a"}}""", "every", null)]
    public async Task A_bad_setting_is_named(string body, string field, long? limit)
    {
        (await App.PutAsync("/api/v1/schedules/bad", body)).MustBeProblem(400, "invalid", field, limit);

        Assert.Equal(404, (await App.GetAsync("/api/v1/schedules/bad")).Status);
    }

    [Fact]
    public async Task Arguments_are_judged_as_those_of_a_job()
    {
        (await App.PutAsync("/api/v1/schedules/bad", """{"everySeconds":60,"job":{"name":"a","arguments":{"b":1,"b":2}}}"""))
            .MustBeProblem(400, "content", "job.arguments");
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_a_bad_name_refused()
    {
        (await App.GetAsync("/api/v1/schedules/unknown")).MustBeProblem(404, "not-found");
        (await App.DeleteAsync("/api/v1/schedules/unknown")).MustBeProblem(404, "not-found");
        (await App.PostAsync("/api/v1/schedules/unknown/run")).MustBeProblem(404, "not-found");
        (await App.GetAsync("/api/v1/schedules/unknown/preview")).MustBeProblem(404, "not-found");
        (await App.PutAsync("/api/v1/schedules/a%20b", """{"everySeconds":60,"job":{"name":"a"}}""")).MustBeProblem(400, "invalid", "schedule");
    }

    [Fact]
    public async Task A_deleted_schedule_leaves_its_jobs()
    {
        await App.PutAsync("/api/v1/schedules/s", """{"everySeconds":60,"job":{"name":"a"}}""");
        var job = await App.PostAsync("/api/v1/schedules/s/run");

        Assert.Equal(204, (await App.DeleteAsync("/api/v1/schedules/s")).Status);

        Assert.Equal(404, (await App.GetAsync("/api/v1/schedules/s")).Status);
        Assert.Equal("waiting", await App.StateAsync(job["id"]));
    }

    [Fact]
    public async Task A_run_that_is_asked_for_is_answered_with_its_job_even_when_paused()
    {
        await App.PutAsync("/api/v1/schedules/s", """{"everySeconds":60,"paused":true,"job":{"name":"a","arguments":{"n":1},"queue":"mail"}}""");

        var answer = await App.PostAsync("/api/v1/schedules/s/run");

        Assert.Equal((202, "a", "mail", "waiting"), (answer.Status, answer["name"], answer["queue"], answer["state"]));
        Assert.Equal("""{"n":1}""", answer.Json.GetProperty("arguments").GetRawText());
        Assert.Equal($"/api/v1/jobs/{answer["id"]}", answer.Header("Location"));
        Assert.Equal(202, (await App.PostAsync("/api/v1/schedules/s/run")).Status);
    }

    [Fact]
    public async Task The_next_ticks_are_shown_of_a_schedule_and_of_a_rule_that_is_tried_out()
    {
        await App.PutAsync("/api/v1/schedules/s", """{"cron":"30 2 * * *","zone":"Europe/Berlin","job":{"name":"a"}}""");

        var known = await App.GetAsync("/api/v1/schedules/s/preview?count=2");
        var tried = await App.PostAsync("/api/v1/schedules/preview", """{"cron":"30 2 * * *","zone":"Europe/Berlin","count":2}""");
        var every = await App.PostAsync("/api/v1/schedules/preview", """{"everySeconds":1.5}""");

        Assert.Equal("""{"times":["2026-03-02T01:30:00.000Z","2026-03-03T01:30:00.000Z"]}""", known.Text);
        Assert.Equal(known.Text, tried.Text);
        Assert.Equal(10, every.List("times").Length);
        Assert.Equal("2026-03-01T12:00:01.500Z", every.List("times")[0].GetString());
        Assert.Equal(10, (await App.GetAsync("/api/v1/schedules/s/preview")).List("times").Length);
    }

    [Theory]
    [InlineData("{}", "everySeconds", null)]
    [InlineData("""{"cron":"x"}""", "cron", null)]
    [InlineData("""{"cron":"* * * * *","zone":"Nowhere"}""", "zone", null)]
    [InlineData("""{"everySeconds":60,"count":0}""", "count", 1L)]
    [InlineData("""{"everySeconds":60,"count":1001}""", "count", 1000L)]
    public async Task A_bad_trial_is_named(string body, string field, long? limit)
    {
        (await App.PostAsync("/api/v1/schedules/preview", body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Theory]
    [InlineData("count=0", 1L)]
    [InlineData("count=1001", 1000L)]
    [InlineData("count=many", null)]
    public async Task A_bad_count_is_named(string query, long? limit)
    {
        (await App.GetAsync($"/api/v1/schedules/s/preview?{query}")).MustBeProblem(400, "invalid", "count", limit);
    }

    [Fact]
    public async Task A_tick_shows_in_its_schedule()
    {
        await using var ticking = await DatabusApp.StartAsync(new AppSetup { Node = node => node.Roles = NodeRoles.Api | NodeRoles.Scheduler });
        await ticking.PutAsync("/api/v1/schedules/s", """{"everySeconds":1,"overlap":"skip","job":{"name":"a"}}""");

        // The first job stays, so the second tick is let go.
        Answer schedule;
        do
            schedule = await ticking.GetAsync("/api/v1/schedules/s");
        while (schedule.Number("skipped") == 0);

        Assert.Equal((1, "waiting"), (schedule.Number("ticks"), schedule["lastJobState"]));
        Assert.Equal([schedule["lastJobId"]], (await ticking.GetAsync("/api/v1/jobs?name=a")).Ids());
        Assert.NotNull(schedule["lastTickAt"]);
    }
}
