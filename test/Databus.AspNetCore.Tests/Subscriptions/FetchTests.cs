using System.Text.Json;
using Databus.Testing;

namespace Databus.AspNetCore.Tests.Subscriptions;

public sealed class FetchTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private readonly string _topic = "t" + Guid.NewGuid().ToString("n");

    private string Path => PathOf(_topic);

    [Fact]
    public async Task Fetched_items_show_their_content_attempt_and_token()
    {
        await app.AddAsync(_topic, """{"b":1.50,"a":"<&>"}""");

        var answer = await app.PostAsync($"{Path}/fetch");

        var delivery = answer.List("items").Single();
        Assert.Equal(["id", "content", "addedAt", "attempt", "token"], delivery.EnumerateObject().Select(member => member.Name));
        Assert.Equal("1", delivery.GetProperty("id").GetString());
        Assert.Equal("""{"b":1.50,"a":"<&>"}""", delivery.GetProperty("content").GetRawText());
        Assert.Equal(1, delivery.GetProperty("attempt").GetInt32());
        Assert.NotEmpty(delivery.GetProperty("token").GetString()!);
    }

    [Fact]
    public async Task An_unknown_subscription_of_an_unknown_topic_is_created_and_waits_for_the_first_item()
    {
        Assert.Empty((await app.PostAsync($"{Path}/fetch")).List("items"));
        await app.FillAsync(_topic, 2);

        Assert.Equal(["1", "2"], Ids(await app.PostAsync($"{Path}/fetch", """{"max":1000}""")));
    }

    [Theory]
    [InlineData("""{"max":0}""", "max", 1000L)]
    [InlineData("""{"max":1001}""", "max", 1000L)]
    [InlineData("""{"max":"5"}""", "max", null)]
    [InlineData("""{"waitSeconds":-1}""", "waitSeconds", 60L)]
    [InlineData("""{"waitSeconds":61}""", "waitSeconds", 60L)]
    [InlineData("""{"leaseSeconds":0.5}""", "leaseSeconds", 43_200L)]
    [InlineData("""{"leaseSeconds":43201}""", "leaseSeconds", 43_200L)]
    [InlineData("""{"lease":5}""", "lease", null)]
    [InlineData("""[]""", "body", null)]
    public async Task A_bad_wish_is_named(string body, string field, long? limit)
    {
        (await app.PostAsync($"{Path}/fetch", body)).MustBeProblem(400, "invalid", field, limit);
    }

    [Theory]
    [InlineData("ack", "{}", "tokens")]
    [InlineData("ack", """{"tokens":null}""", "tokens")]
    [InlineData("nack", """{"tokens":["1-1"],"delaySeconds":-1}""", "delaySeconds")]
    [InlineData("nack", """{"tokens":["1-1"],"delaySeconds":604801}""", "delaySeconds")]
    [InlineData("extend", """{"tokens":["1-1"],"leaseSeconds":0}""", "leaseSeconds")]
    [InlineData("extend", """{"leaseSeconds":5}""", "tokens")]
    [InlineData("ack", """{"tokens":["1-1"],"token":"x"}""", "token")]
    public async Task A_bad_answer_to_a_delivery_is_named(string verb, string body, string field)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");

        var answer = await app.PostAsync($"{Path}/{verb}", body);

        Assert.Equal((400, field), (answer.Status, answer["field"]));
    }

    [Fact]
    public async Task Too_many_tokens_and_too_long_a_reason_are_refused_with_the_limit()
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");
        var tokens = string.Join(',', Enumerable.Repeat("\"1-1\"", 10_001));

        (await app.PostAsync($"{Path}/ack", $$"""{"tokens":[{{tokens}}]}""")).MustBeProblem(400, "invalid", "tokens", 10_000);
        (await app.PostAsync($"{Path}/nack", $$"""{"tokens":["1-1"],"reason":"{{new string('r', 1001)}}"}""")).MustBeProblem(400, "invalid", "reason", 1000);
    }

    [Fact]
    public async Task Deliveries_of_an_unknown_topic_are_not_found()
    {
        foreach (var verb in (string[])["ack", "nack", "extend"])
            (await app.PostAsync($"{Path}/{verb}", """{"tokens":["1-1"]}""")).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task Acknowledged_once_a_token_is_lost_the_second_time_like_any_text_that_is_none()
    {
        await app.FillAsync(_topic, 1);
        var token = Tokens(await app.PostAsync($"{Path}/fetch")).Single();

        var first = await app.PostAsync($"{Path}/ack", $$"""{"tokens":["{{token}}"]}""");
        var second = await app.PostAsync($"{Path}/ack", $$"""{"tokens":["{{token}}","nonsense","","1-",null]}""");

        Assert.Equal("""{"acknowledged":1,"lost":[]}""", first.Text);
        Assert.Equal(0, second.Number("acknowledged"));
        Assert.Equal([token, "nonsense", "", "1-", ""], second.List("lost").Select(lost => lost.GetString()));
    }

    [Fact]
    public async Task One_token_twice_in_a_request_counts_once()
    {
        await app.FillAsync(_topic, 1);
        var token = Tokens(await app.PostAsync($"{Path}/fetch")).Single();

        var answer = await app.PostAsync($"{Path}/ack", $$"""{"tokens":["{{token}}","{{token}}"]}""");

        Assert.Equal(1, answer.Number("acknowledged"));
    }

    [Fact]
    public async Task A_lease_ends_can_be_extended_and_then_goes_to_another()
    {
        var clock = new FakeClock();
        await using var timed = await DatabusApp.StartAsync(new AppSetup { Clock = clock });
        await timed.FillAsync("t", 1);
        var path = PathOf("t");
        var token = Tokens(await timed.PostAsync($"{path}/fetch", """{"leaseSeconds":10}""")).Single();

        var extended = await timed.PostAsync($"{path}/extend", $$"""{"tokens":["{{token}}"],"leaseSeconds":100}""");
        clock.Advance(TimeSpan.FromSeconds(99));
        Assert.Empty((await timed.PostAsync($"{path}/fetch")).List("items"));
        clock.Advance(TimeSpan.FromSeconds(2));
        var again = (await timed.PostAsync($"{path}/fetch")).List("items").Single();
        var late = await timed.PostAsync($"{path}/ack", $$"""{"tokens":["{{token}}"]}""");
        var lateExtension = await timed.PostAsync($"{path}/extend", $$"""{"tokens":["{{token}}"]}""");

        Assert.Equal("""{"extended":1,"lost":[]}""", extended.Text);
        Assert.Equal(2, again.GetProperty("attempt").GetInt32());
        Assert.Equal($$"""{"acknowledged":0,"lost":["{{token}}"]}""", late.Text);
        Assert.Equal($$"""{"extended":0,"lost":["{{token}}"]}""", lateExtension.Text);
    }

    [Fact]
    public async Task What_is_returned_comes_again_after_its_delay_and_dies_with_its_reason()
    {
        var clock = new FakeClock();
        await using var timed = await DatabusApp.StartAsync(new AppSetup { Clock = clock });
        await timed.FillAsync("t", 1);
        var path = PathOf("t");
        await timed.PutAsync(path, """{"maxAttempts":2}""");

        var first = Tokens(await timed.PostAsync($"{path}/fetch")).Single();
        var returned = await timed.PostAsync($"{path}/nack", $$"""{"tokens":["{{first}}"],"delaySeconds":60,"reason":"not yet"}""");
        Assert.Empty((await timed.PostAsync($"{path}/fetch")).List("items"));
        clock.Advance(TimeSpan.FromSeconds(60));
        var second = Tokens(await timed.PostAsync($"{path}/fetch")).Single();
        var dead = await timed.PostAsync($"{path}/nack", $$"""{"tokens":["{{second}}"],"reason":"<b>never</b>"}""");

        Assert.Equal("""{"returned":1,"dead":0,"lost":[]}""", returned.Text);
        Assert.Equal("""{"returned":0,"dead":1,"lost":[]}""", dead.Text);
        var letter = (await timed.GetAsync($"{path}/dead")).List("dead").Single();
        Assert.Equal(["id", "content", "addedAt", "attempts", "reason", "diedAt"], letter.EnumerateObject().Select(member => member.Name));
        Assert.Equal((2, "<b>never</b>"), (letter.GetProperty("attempts").GetInt32(), letter.GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task Dead_letters_are_paged_replayed_and_discarded()
    {
        await app.FillAsync(_topic, 5);
        await app.PutAsync(Path, """{"maxAttempts":1}""");
        var tokens = string.Join(',', Tokens(await app.PostAsync($"{Path}/fetch", """{"max":5}""")).Select(token => $"\"{token}\""));
        await app.PostAsync($"{Path}/nack", $$"""{"tokens":[{{tokens}}],"reason":"poison"}""");

        var first = await app.GetAsync($"{Path}/dead?limit=3");
        var rest = await app.GetAsync($"{Path}/dead?limit=3&after={first["next"]}");
        var end = await app.GetAsync($"{Path}/dead?after=5");
        Assert.Equal(["1", "2", "3"], DeadIds(first));
        Assert.Equal(["4", "5"], DeadIds(rest));
        Assert.Equal(JsonValueKind.Null, end.Json.GetProperty("next").ValueKind);

        Assert.Equal("""{"replayed":1}""", (await app.PostAsync($"{Path}/dead/replay", """{"ids":["2","77"]}""")).Text);
        Assert.Equal("""{"discarded":1}""", (await app.PostAsync($"{Path}/dead/discard", """{"ids":["3"]}""")).Text);
        Assert.Equal(["2"], Ids(await app.PostAsync($"{Path}/fetch", """{"max":10}""")));
        Assert.Equal("""{"replayed":0}""", (await app.PostAsync($"{Path}/dead/replay", """{"ids":[]}""")).Text);
        Assert.Equal("""{"replayed":3}""", (await app.PostAsync($"{Path}/dead/replay", "{}")).Text);
        Assert.Equal("""{"discarded":0}""", (await app.PostAsync($"{Path}/dead/discard")).Text);
        Assert.Equal(["1", "4", "5"], Ids(await app.PostAsync($"{Path}/fetch", """{"max":10}""")));
    }

    [Theory]
    [InlineData("?after=x", "after", null)]
    [InlineData("?limit=0", "limit", 1000L)]
    [InlineData("?limit=1001", "limit", 1000L)]
    [InlineData("?limit=x", "limit", 1000L)]
    public async Task A_bad_parameter_of_the_dead_letters_is_named(string query, string field, long? limit)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");
        await app.PutAsync(Path);

        (await app.GetAsync($"{Path}/dead{query}")).MustBeProblem(400, "invalid", field, limit);
    }

    [Theory]
    [InlineData("""{"ids":["x"]}""", "ids")]
    [InlineData("""{"ids":[null]}""", "ids")]
    [InlineData("""{"ids":["-1"]}""", "ids")]
    [InlineData("""{"id":"1"}""", "id")]
    public async Task Bad_ids_of_dead_letters_are_named(string body, string field)
    {
        await app.PutAsync($"/api/v1/topics/{_topic}");
        await app.PutAsync(Path);

        (await app.PostAsync($"{Path}/dead/replay", body)).MustBeProblem(400, "invalid", field);
        (await app.PostAsync($"{Path}/dead/discard", body)).MustBeProblem(400, "invalid", field);
    }

    [Fact]
    public async Task A_long_poll_is_answered_by_the_next_item()
    {
        var waiting = app.PostAsync($"{Path}/fetch", """{"waitSeconds":60}""");
        await WhenThereAsync(Path);
        Assert.False(waiting.IsCompleted);

        await app.AddAsync(_topic, """{"a":1}""");

        Assert.Equal(["1"], Ids(await waiting));
    }

    [Fact]
    public async Task A_long_poll_ends_empty_handed_when_its_time_is_over()
    {
        var clock = new FakeClock();
        await using var timed = await DatabusApp.StartAsync(new AppSetup { Clock = clock });
        var waiting = timed.PostAsync($"{PathOf("t")}/fetch", """{"waitSeconds":7}""");

        // Nobody else waits this long.
        await clock.WhenTimerInAsync(TimeSpan.FromSeconds(7));
        clock.Advance(TimeSpan.FromSeconds(6));
        Assert.False(waiting.IsCompleted);
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal("""{"items":[]}""", (await waiting).Text);
    }

    [Fact]
    public async Task Beyond_the_limit_of_waiting_requests_one_is_told_to_come_back()
    {
        await using var small = await DatabusApp.StartAsync(new AppSetup { Http = http => http.MaxWaitingRequests = 1 });
        var path = PathOf("t");
        var waiting = small.PostAsync($"{path}/fetch", """{"waitSeconds":60}""");
        await WhenThereAsync(path, small);

        var refused = await small.PostAsync($"{path}/fetch", """{"waitSeconds":60}""");
        refused.MustBeProblem(429, "too-many", limit: 1);
        Assert.NotNull(refused.Header("Retry-After"));
        Assert.Equal(200, (await small.PostAsync($"{path}/fetch")).Status);

        await small.AddAsync("t", """{"a":1}""");
        Assert.Single((await waiting).List("items"));
    }

    [Fact]
    public async Task A_stop_of_the_server_answers_those_who_wait()
    {
        await using var stopping = await DatabusApp.StartAsync(new AppSetup());
        var waiting = stopping.PostAsync($"{PathOf("t")}/fetch", """{"waitSeconds":60}""");
        await WhenThereAsync(PathOf("t"), stopping);

        await stopping.StopAsync();

        Assert.Equal("""{"items":[]}""", (await waiting).Text);
    }

    [Fact]
    public async Task What_a_vanished_client_waited_for_goes_to_the_next()
    {
        using (var gone = await RawConnection.OpenAsync(app))
        {
            const string Body = """{"waitSeconds":60}""";
            await gone.SendHeadAsync(
                $"POST {Path}/fetch HTTP/1.1", $"Host: localhost:{app.Address.Port}", "Content-Type: application/json", $"Content-Length: {Body.Length}");
            await gone.SendAsync(Body);
            await WhenThereAsync(Path);
            gone.Reset();
        }

        var waiting = app.PostAsync($"{Path}/fetch", """{"waitSeconds":60,"leaseSeconds":30}""");
        await app.FillAsync(_topic, 2);

        Assert.NotEmpty((await waiting).List("items"));
    }

    private static string PathOf(string topic) => $"/api/v1/topics/{topic}/subscriptions/s";

    private static string[] Ids(Answer answer) => [.. answer.List("items").Select(item => item.GetProperty("id").GetString()!)];

    private static string[] DeadIds(Answer answer) => [.. answer.List("dead").Select(letter => letter.GetProperty("id").GetString()!)];

    private static string[] Tokens(Answer answer) => [.. answer.List("items").Select(item => item.GetProperty("token").GetString()!)];

    /// <summary>A fetch creates the subscription it waits on.</summary>
    private async Task WhenThereAsync(string path, DatabusApp? other = null)
    {
        while ((await (other ?? app).GetAsync(path)).Status != 200)
            await Task.Yield();
    }
}
