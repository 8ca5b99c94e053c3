using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.AspNetCore.Tests.Sources;

public sealed class SourceTests : IAsyncLifetime
{
    private readonly CountingKind _kind = new();
    private DatabusApp? _app;

    private DatabusApp App => _app!;

    public async ValueTask InitializeAsync() =>
        _app = await DatabusApp.StartAsync(new AppSetup { Services = services => services.AddSingleton<ISourceKind>(_kind).AddSingleton<IListeningSourceKind>(new Ears()) });

    public ValueTask DisposeAsync() => App.DisposeAsync();

    [Fact]
    public async Task A_new_source_has_the_defaults()
    {
        var answer = await App.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed","paused":true}""");

        Assert.Equal(201, answer.Status);
        Assert.Equal(
            ["name", "kind", "topic", "url", "intervalSeconds", "paused", "state", "lastPolledAt", "nextPollAt", "lastOutcome", "error", "failures", "itemsAdded", "createdAt"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("feed", "news", "http://localhost/feed", 300), (answer["kind"], answer["topic"], answer["url"], answer.Number("intervalSeconds")));
        Assert.Equal("paused", answer["state"]);
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("nextPollAt").ValueKind);
    }

    [Fact]
    public async Task What_is_left_out_keeps_its_value()
    {
        await App.PutAsync("/api/v1/sources/news", """{"kind":"feed","url":"http://localhost/feed","topic":"t","intervalSeconds":60,"paused":true}""");

        var answer = await App.PutAsync("/api/v1/sources/news", """{"intervalSeconds":90}""");

        Assert.Equal(200, answer.Status);
        Assert.Equal(("t", "http://localhost/feed", 90, "paused"), (answer["topic"], answer["url"], answer.Number("intervalSeconds"), answer["state"]));
        Assert.Equal(answer.Text, (await App.GetAsync("/api/v1/sources/news")).Text);
        Assert.Single((await App.GetAsync("/api/v1/sources")).List("sources"));
    }

    [Theory]
    [InlineData("{}", "url", null)]
    [InlineData("""{"url":"feed"}""", "url", null)]
    [InlineData("""{"url":"file:///etc/passwd"}""", "url", null)]
    [InlineData("""{"url":"javascript:alert(1)"}""", "url", null)]
    [InlineData("""{"url":"http://"}""", "url", null)]
    [InlineData("""{"url":"http://localhost/","kind":"carrier-pigeon"}""", "kind", null)]
    [InlineData("""{"url":"http://localhost/","topic":"a b"}""", "topic", null)]
    [InlineData("""{"url":"http://localhost/","intervalSeconds":4}""", "intervalSeconds", 5L)]
    [InlineData("""{"url":"http://localhost/","intervalSeconds":1e99}""", "intervalSeconds", 2_678_400L)]
    [InlineData("""{"url":"http://localhost/","paused":"yes"}""", "paused", null)]
    [InlineData("""{"url":"http://localhost/","secret":1}""", "secret", null)]
    public async Task A_bad_setting_is_named(string body, string field, long? limit)
    {
        var answer = await App.PutAsync("/api/v1/sources/bad", body);

        answer.MustBeProblem(400, "invalid", field, limit);
        Assert.Equal(404, (await App.GetAsync("/api/v1/sources/bad")).Status);
    }

    [Fact]
    public async Task A_url_that_is_too_long_is_refused_with_the_limit()
    {
        var answer = await App.PutAsync("/api/v1/sources/bad", $$"""{"url":"http://localhost/{{new string('u', 2000)}}"}""");

        answer.MustBeProblem(400, "invalid", "url", 2000);
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_a_bad_name_refused()
    {
        (await App.GetAsync("/api/v1/sources/unknown")).MustBeProblem(404, "not-found");
        (await App.DeleteAsync("/api/v1/sources/unknown")).MustBeProblem(404, "not-found");
        (await App.PostAsync("/api/v1/sources/unknown/poll")).MustBeProblem(404, "not-found");
        (await App.PutAsync("/api/v1/sources/a%20b", """{"url":"http://localhost/"}""")).MustBeProblem(400, "invalid", "source");
    }

    [Fact]
    public async Task A_deleted_source_leaves_its_items()
    {
        await App.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed"}""");
        await WhenItemsAsync("news", 1);

        Assert.Equal(204, (await App.DeleteAsync("/api/v1/sources/news")).Status);

        Assert.Equal(404, (await App.GetAsync("/api/v1/sources/news")).Status);
        var item = (await App.GetAsync("/api/v1/topics/news/items")).List("items").Single();
        Assert.Equal("news", item.GetProperty("source").GetString());
    }

    [Fact]
    public async Task A_poll_that_is_asked_for_happens_at_once_even_when_paused()
    {
        await App.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed","paused":true}""");

        var answer = await App.PostAsync("/api/v1/sources/news/poll");

        Assert.Equal(202, answer.Status);
        await WhenItemsAsync("news", 1);
    }

    [Fact]
    public async Task A_poll_under_way_is_seen_whichever_node_it_is_on()
    {
        await using var elsewhere = await DatabusApp.StartAsync(new AppSetup
        {
            Node = node => node.Roles = NodeRoles.Api,
            Services = services => services.AddSingleton<ISourceKind>(_kind),
        });
        await elsewhere.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed"}""");
        Assert.Equal("waiting", (await elsewhere.GetAsync("/api/v1/sources/news"))["state"]);

        var jobs = elsewhere.Service<IStore>().Jobs;
        await elsewhere.PostAsync("/api/v1/jobs/poll-source", """{"source":"news"}""");
        Assert.Equal("waiting", (await elsewhere.GetAsync("/api/v1/sources/news"))["state"]);
        Assert.Single((await jobs.ClaimAsync(new JobClaim("collector", [PollSource.Queue], 10), CancellationToken.None)).Jobs);

        Assert.Equal("polling", (await elsewhere.GetAsync("/api/v1/sources/news"))["state"]);
    }

    [Fact]
    public async Task A_poll_that_is_asked_for_is_left_to_the_nodes_that_collect()
    {
        await using var elsewhere = await DatabusApp.StartAsync(new AppSetup
        {
            Node = node => node.Roles = NodeRoles.Api,
            Services = services => services.AddSingleton<ISourceKind>(_kind),
        });
        await elsewhere.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed","paused":true}""");

        Assert.Equal(202, (await elsewhere.PostAsync("/api/v1/sources/news/poll")).Status);

        Assert.True((await elsewhere.Service<IStore>().ListSourcesAsync("news", CancellationToken.None))[0].IsAskedFor);
    }

    [Fact]
    public async Task One_that_is_listened_to_has_no_polls()
    {
        var answer = await App.PutAsync("/api/v1/sources/ads", """{"kind":"ears","url":"ears:ads"}""");

        Assert.Equal((201, "ears", "ears:ads", "listening"), (answer.Status, answer["kind"], answer["url"], answer["state"]));
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("nextPollAt").ValueKind);
        (await App.PostAsync("/api/v1/sources/ads/poll")).MustBeProblem(400, "invalid", "source");
        Assert.Equal("paused", (await App.PutAsync("/api/v1/sources/ads", """{"paused":true}"""))["state"]);
        Assert.Empty((await App.GetAsync("/api/v1/overview")).List("warnings"));
    }

    [Theory]
    [InlineData("""{"kind":"ears","url":"http://localhost/"}""", "Ears hear ears: only.")]
    [InlineData("""{"kind":"ears","url":"ads"}""", "url is an absolute address.")]
    [InlineData("""{"kind":"feed","url":"ears:ads"}""", "url is an absolute http or https address.")]
    public async Task Each_kind_judges_its_addresses(string body, string error)
    {
        Assert.Equal(error, (await App.PutAsync("/api/v1/sources/bad", body)).MustBeProblem(400, "invalid", "url").Error);
    }

    [Fact]
    public async Task An_address_that_stays_is_judged_by_the_new_kind()
    {
        await App.PutAsync("/api/v1/sources/ads", """{"kind":"ears","url":"ears:ads"}""");

        (await App.PutAsync("/api/v1/sources/ads", """{"kind":"feed"}""")).MustBeProblem(400, "invalid", "url");
        Assert.Equal(200, (await App.PutAsync("/api/v1/sources/ads", """{"kind":"ears","paused":true}""")).Status);
    }

    [Fact]
    public async Task Without_any_kind_a_source_is_refused()
    {
        await using var bare = await DatabusApp.StartAsync(new AppSetup());

        (await bare.PutAsync("/api/v1/sources/news", """{"url":"http://localhost/feed"}""")).MustBeProblem(400, "invalid", "kind");
    }

    private async Task WhenItemsAsync(string topic, int count)
    {
        while (await App.GetAsync($"/api/v1/topics/{topic}") is not { Status: 200 } answer || answer.Number("items") < count)
            await Task.Yield();
    }

    /// <summary>Brings one new item with each poll.</summary>
    private sealed class CountingKind : ISourceKind
    {
        private int _polls;

        public string Name => "feed";

        public Task<PollResult> PollAsync(PollRequest request, CancellationToken cancellationToken)
        {
            var poll = Interlocked.Increment(ref _polls);
            return Task.FromResult(new PollResult(PollOutcome.Read)
            {
                Items = [new SourceItem($"entry-{poll}", JsonSerializer.SerializeToUtf8Bytes(new { poll }))],
            });
        }
    }

    /// <summary>Brings nothing, and hears one kind of address.</summary>
    private sealed class Ears : IListeningSourceKind
    {
        public string Name => "ears";

        public bool Accepts(Uri address, [NotNullWhen(false)] out string? refusal)
        {
            refusal = address.Scheme == "ears" ? null : "Ears hear ears: only.";
            return refusal is null;
        }

        public Task ListenAsync(SourceSettings source, SourceInbox inbox, CancellationToken cancellationToken) =>
            Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
    }
}
