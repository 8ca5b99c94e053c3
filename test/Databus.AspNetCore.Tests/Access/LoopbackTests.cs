namespace Databus.AspNetCore.Tests.Access;

/// <summary>Where no token is needed, no web page may reach in.</summary>
public sealed class LoopbackTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private int Port => app.Address.Port;

    [Theory]
    [InlineData("localhost")]
    [InlineData("LOCALHOST")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    public async Task This_machine_by_its_own_names_needs_no_token(string host)
    {
        Assert.Equal(200, (await app.GetAsync("/api/v1/topics", ("Host", $"{host}:{Port}"))).Status);
        Assert.Equal(200, (await app.GetAsync("/api/v1/topics", ("Host", $"{host}:{Port}"), ("Origin", $"http://{host}:{Port}"), ("Sec-Fetch-Site", "same-origin"))).Status);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("localhost.evil.example")]
    [InlineData("127.0.0.1.evil.example")]
    [InlineData("192.168.0.1")]
    [InlineData("localhost.")]
    [InlineData("0.0.0.0")]
    public async Task A_name_that_was_made_to_lead_here_is_refused(string host)
    {
        foreach (var path in (string[])["/api/v1/topics", "/fetch", "/", "/health/ready"])
            (await app.GetAsync(path, ("Host", $"{host}:{Port}"))).MustBeProblem(403, "host", "Host");
    }

    [Theory]
    [InlineData("https://evil.example")]
    [InlineData("null")]
    [InlineData("http://localhost:1")]
    [InlineData("http://localhost")]
    [InlineData("http://localhost.evil.example")]
    public async Task A_page_of_another_origin_is_refused(string origin)
    {
        (string, string)[] headers = [("Host", $"localhost:{Port}"), ("Origin", origin)];

        (await app.PostAsync("/add?topic=forged", """{"a":1}""", headers)).MustBeProblem(403, "origin", "Origin");
        (await app.GetAsync("/fetch?topic=forged", headers)).MustBeProblem(403, "origin", "Origin");
        (await app.SendAsync(HttpMethod.Options, "/add", content: null, headers)).MustBeProblem(403, "origin", "Origin");
        Assert.Equal(404, (await app.GetAsync("/api/v1/topics/forged")).Status);
    }

    [Theory]
    [InlineData("cross-site")]
    [InlineData("same-site")]
    public async Task A_request_that_a_browser_marks_as_foreign_is_refused(string site)
    {
        (await app.GetAsync("/fetch?topic=forged", ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"))).MustBeProblem(403, "origin", "Sec-Fetch-Site");
        (await app.GetAsync("/api/v1/topics", ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors"))).MustBeProblem(403, "origin", "Sec-Fetch-Site");
        (await app.PostAsync("/", "", ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"))).MustBeProblem(403, "origin", "Sec-Fetch-Site");
    }

    [Fact]
    public async Task A_link_from_elsewhere_may_open_the_page()
    {
        Assert.Equal(200, (await app.GetAsync("/topics/any", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"))).Status);
        Assert.Equal(200, (await app.GetAsync("/api/v1/topics", ("Sec-Fetch-Site", "none"))).Status);
    }

    [Theory]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("X-Forwarded-For", "")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    public async Task What_a_proxy_forwards_is_not_from_this_machine(string header, string value)
    {
        (await app.GetAsync("/api/v1/topics", (header, value))).MustBeProblem(401, "token", "Authorization");
    }

    [Fact]
    public async Task Where_tokens_are_needed_Host_and_Origin_are_free()
    {
        await using var open = await DatabusApp.StartAsync(new AppSetup { TrustLoopback = false });
        var created = await open.Service<Databus.Access.TokenVerifier>().CreateAsync("t", CancellationToken.None);

        var answer = await open.GetAsync(
            "/api/v1/topics", ("Host", "databus.example"), ("Origin", "https://databus.example"), ("Authorization", $"Bearer {created!.Value.Secret}"));

        Assert.Equal(200, answer.Status);
    }
}
