using System.Text;
using System.Text.Json;
using Databus.Access;

namespace Databus.AspNetCore.Tests.Access;

public sealed class TokenTests : IAsyncLifetime
{
    private DatabusApp? _app;

    private DatabusApp App => _app!;

    public async ValueTask InitializeAsync() => _app = await DatabusApp.StartAsync(new AppSetup { TrustLoopback = false });

    public ValueTask DisposeAsync() => App.DisposeAsync();

    [Theory]
    [InlineData("/api/v1/overview")]
    [InlineData("/API/v1/overview")]
    [InlineData("/api/v1/topics/t/events")]
    [InlineData("/api/v1/unknown")]
    [InlineData("/api")]
    [InlineData("/fetch")]
    [InlineData("/openapi/v1.json")]
    public async Task Without_a_token_nothing_of_the_data_is_told(string path)
    {
        var answer = await App.GetAsync(path);

        answer.MustBeProblem(401, "token", "Authorization");
        Assert.StartsWith("Bearer", answer.Header("WWW-Authenticate"), StringComparison.Ordinal);
        Assert.Contains("databus token create", answer.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_token_nothing_is_added()
    {
        (await App.PostAsync("/add", """{"a":1}""")).MustBeProblem(401, "token", "Authorization");
        (await App.PostAsync("/api/v1/tokens", """{"name":"mine"}""")).MustBeProblem(401, "token", "Authorization");
        var secret = await CreateAsync("owner");
        Assert.Empty((await SendAsync(HttpMethod.Get, "/api/v1/topics", secret)).List("topics"));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/topics/any")]
    [InlineData("/docs")]
    [InlineData("/health/live")]
    [InlineData("/health/ready")]
    public async Task The_page_and_the_health_are_open(string path)
    {
        Assert.Equal(200, (await App.GetAsync(path)).Status);
    }

    [Theory]
    [InlineData("dbt_wrong")]
    [InlineData("")]
    [InlineData("\"")]
    public async Task A_wrong_token_is_refused(string secret)
    {
        await CreateAsync("right");

        (await SendAsync(HttpMethod.Get, "/api/v1/topics", secret)).MustBeProblem(401, "token", "Authorization");
    }

    [Fact]
    public async Task Another_scheme_is_refused()
    {
        var secret = await CreateAsync("right");

        (await App.GetAsync("/api/v1/topics", ("Authorization", $"Basic {secret}"))).MustBeProblem(401, "token", "Authorization");
        (await App.GetAsync("/api/v1/topics", ("Authorization", secret))).MustBeProblem(401, "token", "Authorization");
        Assert.Equal(200, (await App.GetAsync("/api/v1/topics", ("Authorization", $"bearer {secret}"))).Status);
    }

    [Fact]
    public async Task A_token_is_created_shown_once_used_listed_and_deleted()
    {
        var owner = await CreateAsync("owner");

        var created = await SendAsync(HttpMethod.Post, "/api/v1/tokens", owner, """{"name":"scraper"}""");
        var secret = created["token"];
        var listed = await SendAsync(HttpMethod.Get, "/api/v1/tokens", secret);

        Assert.Equal((201, "scraper"), (created.Status, created["name"]));
        Assert.StartsWith(AccessToken.Prefix, secret, StringComparison.Ordinal);
        Assert.Equal(["owner", "scraper"], listed.List("tokens").Select(token => token.GetProperty("name").GetString()));
        Assert.All(listed.List("tokens"), token =>
        {
            Assert.Equal(["name", "createdAt", "lastUsedAt"], token.EnumerateObject().Select(member => member.Name));
            Assert.Equal(JsonValueKind.String, token.GetProperty("lastUsedAt").ValueKind);
        });
        Assert.DoesNotContain(secret, listed.Text, StringComparison.Ordinal);

        Assert.Equal(204, (await SendAsync(HttpMethod.Delete, "/api/v1/tokens/scraper", owner)).Status);
        (await SendAsync(HttpMethod.Get, "/api/v1/topics", secret)).MustBeProblem(401, "token", "Authorization");
        (await SendAsync(HttpMethod.Delete, "/api/v1/tokens/scraper", owner)).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task A_taken_or_bad_name_is_refused()
    {
        var owner = await CreateAsync("owner");

        (await SendAsync(HttpMethod.Post, "/api/v1/tokens", owner, """{"name":"owner"}""")).MustBeProblem(409, "name-taken", "name");
        foreach (var body in (string[])["{}", """{"name":""}""", """{"name":"a b"}""", """{"name":null}"""])
            (await SendAsync(HttpMethod.Post, "/api/v1/tokens", owner, body)).MustBeProblem(400, "invalid", "name");
    }

    [Fact]
    public async Task The_files_hold_a_hash_and_never_the_secret()
    {
        var secret = await CreateAsync("owner");
        await SendAsync(HttpMethod.Get, "/api/v1/topics", secret);
        await App.StopAsync();

        var hash = AccessToken.HashOf(secret);
        var files = Directory.GetFiles(App.DataDirectory).Select(File.ReadAllBytes).ToList();
        Assert.Contains(files, file => file.AsSpan().IndexOf(hash) >= 0);
        Assert.DoesNotContain(files, file => file.AsSpan().IndexOf(Encoding.UTF8.GetBytes(secret[AccessToken.Prefix.Length..])) >= 0);
    }

    private async Task<string> CreateAsync(string name) =>
        (await App.Service<TokenVerifier>().CreateAsync(name, CancellationToken.None))!.Value.Secret;

    private Task<Answer> SendAsync(HttpMethod method, string path, string secret, string? json = null) => App.SendAsync(
        method, path, json is null ? null : DatabusApp.Typed(new StringContent(json), "application/json"), ("Authorization", $"Bearer {secret}"));
}
