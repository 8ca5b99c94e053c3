using System.Text.Json;
using Databus.Destinations;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.AspNetCore.Tests.Subscriptions;

public sealed class DestinationTests : IAsyncLifetime
{
    private const string Path = "/api/v1/topics/t/subscriptions/s";
    private const string ToMailbox = """{"destination":{"kind":"mailbox","box":"ads"}}""";

    private readonly MailboxKind _kind = new();
    private DatabusApp? _app;

    private DatabusApp App => _app!;

    public async ValueTask InitializeAsync()
    {
        _app = await DatabusApp.StartAsync(new AppSetup { Services = services => services.AddSingleton<IDestinationKind>(_kind) });
        await App.PutAsync("/api/v1/topics/t");
    }

    public ValueTask DisposeAsync() => App.DisposeAsync();

    [Fact]
    public async Task A_subscription_with_a_destination_pushes_what_is_there_and_what_comes()
    {
        await App.AddAsync("t", """{"n":1}""");

        var answer = await App.PutAsync(Path, ToMailbox);

        Assert.Equal(201, answer.Status);
        Assert.Equal("""{"kind":"mailbox","box":"ads","colour":"red"}""", answer.Json.GetProperty("destination").GetRawText());
        Assert.False(answer.Json.GetProperty("paused").GetBoolean());
        Assert.Equal(1, await _kind.NextAsync());
        await App.AddAsync("t", """{"n":2}""");
        Assert.Equal(2, await _kind.NextAsync());
    }

    [Fact]
    public async Task What_is_left_out_stays_and_null_removes_the_destination()
    {
        await App.PutAsync(Path, ToMailbox);

        var paused = await App.PutAsync(Path, """{"paused":true}""");
        Assert.Equal(("mailbox", true), (Kind(paused), paused.Json.GetProperty("paused").GetBoolean()));
        Assert.Equal(paused.Text, (await App.GetAsync(Path)).Text);

        var pulled = await App.PutAsync(Path, """{"destination":null}""");
        Assert.Equal((null, true), (Kind(pulled), pulled.Json.GetProperty("paused").GetBoolean()));
        Assert.Equal(JsonValueKind.Null, (await App.GetAsync(Path)).Json.GetProperty("destination").ValueKind);

        var listed = (await App.GetAsync("/api/v1/subscriptions")).List("subscriptions")[0];
        Assert.Equal(JsonValueKind.Null, listed.GetProperty("destination").ValueKind);
    }

    [Fact]
    public async Task Paused_it_pushes_nothing_until_it_is_resumed()
    {
        await App.PutAsync(Path, """{"destination":{"kind":"mailbox","box":"ads"},"paused":true}""");
        await App.AddAsync("t", """{"n":1}""");
        Assert.Equal(1, (await App.GetAsync(Path)).Number("lag"));

        await App.PutAsync(Path, """{"paused":false}""");
        Assert.Equal(1, await _kind.NextAsync());
    }

    [Theory]
    [InlineData("""{"destination":{"kind":"pigeon"}}""", "destination.kind")]
    [InlineData("""{"destination":{"box":"ads"}}""", "destination.kind")]
    [InlineData("""{"destination":{"kind":5}}""", "destination.kind")]
    [InlineData("""{"destination":{}}""", "destination.kind")]
    [InlineData("""{"destination":{"kind":"mailbox"}}""", "destination.box")]
    [InlineData("""{"destination":{"kind":"mailbox","box":"a","size":1}}""", "destination.size")]
    [InlineData("""{"destination":"mailbox"}""", "destination")]
    [InlineData("""{"destination":[]}""", "destination")]
    [InlineData("""{"destination":{"kind":"mailbox","box":"a","box":"b"}}""", "destination")]
    [InlineData("""{"destination":{"kind":"mailbox","box":"\ud800"}}""", "destination")]
    [InlineData("""{"paused":1}""", "paused")]
    public async Task A_bad_destination_is_named(string body, string field)
    {
        (await App.PutAsync(Path, body)).MustBeProblem(400, "invalid", field);
        Assert.Equal(404, (await App.GetAsync(Path)).Status);
    }

    [Fact]
    public async Task A_destination_that_is_too_large_is_refused_with_the_limit() =>
        (await App.PutAsync(Path, ToMailbox.Replace("ads", new string('a', 16 << 10), StringComparison.Ordinal))).MustBeProblem(400, "invalid", "destination", 16 << 10);

    [Fact]
    public async Task An_unknown_kind_is_answered_with_those_there_are()
    {
        Assert.Contains("mailbox", (await App.PutAsync(Path, """{"destination":{"kind":"pigeon"}}""")).Error, StringComparison.Ordinal);

        await using var bare = await DatabusApp.StartAsync(new AppSetup());
        await bare.PutAsync("/api/v1/topics/t");
        (await bare.PutAsync(Path, ToMailbox)).MustBeProblem(400, "invalid", "destination.kind");
    }

    [Fact]
    public async Task Nobody_pulls_by_mistake_from_one_that_pushes()
    {
        await App.PutAsync(Path, ToMailbox);
        await App.AddAsync("t", """{"n":1}""");

        foreach (var body in (string[])["", """{"waitSeconds":60}""", """{"max":5,"leaseSeconds":9}"""])
            (await App.PostAsync($"{Path}/fetch", body)).MustBeProblem(409, "pushes");
        (await App.GetAsync("/fetch?topic=t&subscription=s")).MustBeProblem(409, "pushes");
        Assert.Equal(1, await _kind.NextAsync());
    }

    [Fact]
    public async Task One_who_waits_when_a_subscription_begins_to_push_is_told_and_takes_nothing_away()
    {
        var waiting = App.PostAsync($"{Path}/fetch", """{"waitSeconds":60}""");
        while ((await App.GetAsync(Path)).Status == 404)
            await Task.Delay(1);
        await App.PutAsync(Path, ToMailbox);

        await App.AddAsync("t", """{"n":1}""");

        (await waiting).MustBeProblem(409, "pushes");
        Assert.Equal(1, await _kind.NextAsync());
    }

    [Theory]
    [InlineData("""{"paused":true}""")]
    [InlineData("""{"destination":null}""")]
    public async Task Paused_or_without_its_destination_it_can_be_pulled_from(string change)
    {
        await App.PutAsync(Path, ToMailbox);
        await App.PutAsync(Path, change);
        await App.AddAsync("t", """{"n":1}""");

        Assert.Single((await App.PostAsync($"{Path}/fetch")).List("items"));
    }

    private static string? Kind(Answer answer) =>
        answer.Json.GetProperty("destination") is { ValueKind: JsonValueKind.Object } destination ? destination.GetProperty("kind").GetString() : null;
}
