using Databus.Storage;
using Microsoft.AspNetCore.Builder;

namespace Databus.AspNetCore.Tests.Problems;

public sealed class ProblemTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    [Theory]
    [InlineData("GET", "/api/v1/unknown")]
    [InlineData("GET", "/api")]
    [InlineData("POST", "/api/v1/topics/t/unknown")]
    [InlineData("DELETE", "/unknown")]
    [InlineData("GET", "/health/unknown")]
    [InlineData("GET", "/openapi/v2.json")]
    [InlineData("GET", "/unknown.txt")]
    public async Task What_is_nowhere_is_not_found(string method, string path)
    {
        var answer = await app.SendAsync(new HttpMethod(method), path);

        Assert.Equal(path, answer.MustBeProblem(404, "not-found")["instance"]);
    }

    [Theory]
    [InlineData("PATCH", "/api/v1/topics")]
    [InlineData("POST", "/api/v1/topics/t")]
    [InlineData("GET", "/add")]
    [InlineData("PUT", "/fetch")]
    [InlineData("DELETE", "/health/live")]
    [InlineData("GET", "/api/v1/topics/t/subscriptions/s/ack")]
    public async Task Another_method_is_refused_and_the_possible_ones_are_named(string method, string path)
    {
        var answer = await app.SendAsync(new HttpMethod(method), path);

        answer.MustBeProblem(405, "method");
        Assert.NotNull(answer.Header("Allow"));
    }

    [Fact]
    public async Task A_busy_store_asks_to_come_back()
    {
        await using var busy = await FailingAsync("AppendAsync", new StoreException(StoreProblem.Busy, "50 000 rows already wait."));

        foreach (var path in (string[])["/add", "/api/v1/topics/t/items"])
        {
            var answer = await busy.PostAsync(path, """{"a":1}""");
            answer.MustBeProblem(503, "busy");
            Assert.Equal("50 000 rows already wait.", answer["detail"]);
            Assert.True(int.Parse(answer.Header("Retry-After")!) > 0);
        }
    }

    [Fact]
    public async Task A_store_that_more_waits_for_than_may_is_busy_and_nothing_is_half_done()
    {
        await using var small = await DatabusApp.StartAsync(new AppSetup { Sqlite = sqlite => sqlite.MaxWaitingRows = 1 });
        await small.PutAsync("/api/v1/topics/default");

        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(n => small.PostAsync("/add", $$"""{"n":{{n}}}""")));

        Assert.All(answers, answer => Assert.True(answer.Status is 201 or 503, answer.Text));
        Assert.Contains(answers, answer => answer.Status == 503 && answer.Header("Retry-After") is not null);
        Assert.Equal(answers.Count(answer => answer.Status == 201), (await small.GetAsync("/api/v1/topics/default")).Number("items"));
    }

    [Fact]
    public async Task A_full_disk_is_named_while_fetches_go_on()
    {
        var isFull = false;
        await using var full = await DatabusApp.StartAsync(new AppSetup
        {
            Store = store => StoreFaults.Before(store, verb => isFull && verb is ("AppendAsync" or "PutTopicAsync")
                ? new StoreException(StoreProblem.DiskFull, "The disk is full.")
                : null),
        });
        await full.AddAsync("t", """{"a":1}""");
        isFull = true;

        Answer[] refused =
        [
            await full.PostAsync("/add?topic=t", """{"a":2}"""),
            await full.PostAsync("/api/v1/topics/t/items", """[{"a":2}]"""),
            await full.PutAsync("/api/v1/topics/t"),
        ];
        foreach (var answer in refused)
        {
            answer.MustBeProblem(507, "disk-full");
            Assert.NotNull(answer.Header("Retry-After"));
        }

        Assert.Equal("1", (await full.GetAsync("/fetch?topic=t"))["id"]);
        isFull = false;
        Assert.Equal(201, (await full.PostAsync("/add?topic=t", """{"a":2}""")).Status);
    }

    [Fact]
    public async Task A_stopped_store_answers_that_it_stopped()
    {
        await using var stopped = await FailingAsync("ListTopicsAsync", new StoreException(StoreProblem.Stopped, "The store stopped."));

        (await stopped.GetAsync("/api/v1/topics")).MustBeProblem(503, "stopped");
    }

    [Fact]
    public async Task What_nobody_expected_is_told_without_its_details()
    {
        await using var broken = await FailingAsync("ListTopicsAsync", new InvalidOperationException("secret detail"));

        var answer = await broken.GetAsync("/api/v1/topics");

        answer.MustBeProblem(500, "unexpected");
        Assert.DoesNotContain("secret", answer.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", answer.Text, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
    }

    [Fact]
    public async Task What_breaks_behind_other_routes_of_the_application_is_told_alike()
    {
        await using var broken = await DatabusApp.StartAsync(new AppSetup
        {
            Routes = routes => routes.MapGet("/mine", string () => throw new InvalidOperationException("secret detail")),
        });

        (await broken.GetAsync("/mine")).MustBeProblem(500, "unexpected");
    }

    private static Task<DatabusApp> FailingAsync(string verb, Exception fault) => DatabusApp.StartAsync(new AppSetup
    {
        Store = store => StoreFaults.Before(store, name => name == verb ? fault : null),
    });
}
