using System.Text.RegularExpressions;

namespace Databus.AspNetCore.Tests.Dashboard;

public sealed partial class PageTests(DatabusApp app) : IClassFixture<DatabusApp>
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    [Theory]
    [InlineData("/")]
    [InlineData("/topics/any")]
    [InlineData("/docs")]
    [InlineData("/health/live")]
    public async Task Every_page_lets_nothing_run_but_our_own_files(string path)
    {
        var answer = await app.GetAsync(path);

        Assert.Equal(Policy, answer.Header("Content-Security-Policy"));
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Equal("no-referrer", answer.Header("Referrer-Policy"));
    }

    [Theory]
    [InlineData("/api/v1/topics")]
    [InlineData("/api/v1/unknown")]
    [InlineData("/fetch?topic=a%20b")]
    [InlineData("/openapi/v1.json")]
    public async Task Data_is_never_taken_for_a_page(string path)
    {
        var answer = await app.GetAsync(path);

        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
        Assert.Contains("json", answer.Type, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/topics")]
    [InlineData("/topics/any")]
    [InlineData("/topics/with.dots.v2")]
    [InlineData("/subscriptions/with.dots/s.v1")]
    [InlineData("/docs")]
    public async Task The_pages_own_addresses_answer_with_the_page(string path)
    {
        var answer = await app.GetAsync(path, ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"));

        Assert.Equal((200, "text/html"), (answer.Status, answer.Type));
        Assert.Contains("<div id=\"root\">", answer.Text, StringComparison.Ordinal);
        Assert.Equal("no-cache", answer.Header("Cache-Control"));
    }

    [Fact]
    public async Task The_page_loads_files_that_never_change_and_has_nothing_inline()
    {
        var page = (await app.GetAsync("/")).Text;
        var files = Files().Matches(page).Select(match => match.Groups["file"].Value).ToList();

        Assert.NotEmpty(files);
        Assert.DoesNotMatch(InlineScript(), page);
        Assert.DoesNotContain("style=", page, StringComparison.OrdinalIgnoreCase);
        foreach (var file in files)
        {
            var answer = await app.GetAsync(file);
            Assert.Equal(200, answer.Status);
            Assert.Equal(file.StartsWith("/assets/", StringComparison.Ordinal) ? "public, max-age=31536000, immutable" : "no-cache", answer.Header("Cache-Control"));
        }
    }

    [Theory]
    [InlineData("/assets/unknown.js")]
    [InlineData("/favicon.ico")]
    [InlineData("/../../etc/passwd.txt")]
    [InlineData("/assets/..%2f..%2findex.html")]
    public async Task A_file_that_is_not_there_is_not_found(string path)
    {
        (await app.GetAsync(path, ("Accept", "*/*"))).MustBeProblem(404, "not-found");
    }

    [Fact]
    public async Task The_page_is_only_read()
    {
        (await app.PostAsync("/topics/any")).MustBeProblem(404, "not-found");
        Assert.Equal(200, (await app.SendAsync(HttpMethod.Head, "/topics/any")).Status);
    }

    [GeneratedRegex("(?:src|href)=\"(?<file>/[^\"]+)\"", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Files();

    [GeneratedRegex("<script(?![^>]*src=)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex InlineScript();
}
