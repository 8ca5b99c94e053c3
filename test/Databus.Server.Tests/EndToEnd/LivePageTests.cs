using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Databus.Testing;
using Microsoft.Playwright;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The dashboard in a real browser, before the real server.</summary>
public abstract partial class LivePageTests(RunningServer server, Browser browser) : IClassFixture<Browser>
{
    private const string Rows = "li[data-id]";

    [Fact]
    public async Task A_feed_appears_in_the_live_page_without_a_reload_and_then_only_what_is_new()
    {
        var document = await File.ReadAllTextAsync(SharedData.Path("feeds/real/stackoverflow-python-2022-07-26.atom"), TestContext.Current.CancellationToken);
        await using var site = await DocumentServer.StartAsync(Encoding.UTF8.GetBytes(document));
        await PutAsync("api/v1/topics/questions", new { });
        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "topics/questions"));
        await page.GetByText("Live", new PageGetByTextOptions { Exact = true }).First.WaitForAsync();
        await page.EvaluateAsync("window.sameLoad = true");

        await PutAsync("api/v1/sources/stackoverflow", new { kind = "feed", url = site.Url, topic = "questions", intervalSeconds = 3600 });
        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(30);

        // Three entries in the middle of the document, where a reader that stops at the first known entry misses them.
        var entries = Entry().Matches(document);
        var added = string.Concat(Enumerable.Range(1, 3).Select(n => entries[15].Value
            .Replace("</id>", $"-inserted-{n}</id>", StringComparison.Ordinal)
            .Replace("</title>", $" inserted {n}</title>", StringComparison.Ordinal)));
        site.Document = Encoding.UTF8.GetBytes(document.Insert(entries[15].Index, added));
        await PollAsync("added 3 of 33");
        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(33);
        for (var n = 1; n <= 3; n++)
            await Assertions.Expect(page.GetByText($"inserted {n}")).ToHaveCountAsync(1);

        await PollAsync("not modified");
        Assert.Equal(1, site.NotModified);
        await AssertPollsAsync("""{"outcome":"not-modified"}""", """{"outcome":"read","found":33,"added":3}""", """{"outcome":"read","found":30,"added":30}""");
        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(33);
        Assert.True(await page.EvaluateAsync<bool>("window.sameLoad === true"), "The page was loaded again.");
        Assert.Empty(errors);
    }

    [Fact]
    public async Task Markup_and_script_in_titles_appear_as_text()
    {
        string[] titles =
        [
            "<script>window.hacked = 1</script>",
            "<img src=x onerror=\"window.hacked = 1\">",
            "<b>bold</b> & <a href=\"javascript:window.hacked=1\">link</a>",
            "\"><svg onload=window.hacked=1>",
        ];
        foreach (var title in titles)
            await AddAsync("markup", new { id = title, title, link = "javascript:window.hacked=1", author = "<i>someone</i>", published = "2026-01-01T00:00:00Z" });

        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "topics/markup"));
        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(titles.Length);
        foreach (var title in titles)
            await Assertions.Expect(page.GetByText(title, new PageGetByTextOptions { Exact = true }).First).ToBeVisibleAsync();
        foreach (var toggle in await page.Locator(".item-toggle").AllAsync())
            await toggle.ClickAsync();

        Assert.True(await page.EvaluateAsync<bool>("window.hacked === undefined"), "A title's script ran.");
        Assert.Equal(0, await page.Locator($"{Rows} script, {Rows} img, {Rows} b, {Rows} a[href^='javascript']").CountAsync());
        var policy = (await page.GotoAsync(new Uri(server.Address, "topics/markup").AbsoluteUri))!.Headers["content-security-policy"];
        Assert.Contains("script-src 'self'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Empty(errors);
    }

    [Fact]
    public async Task A_reader_who_has_scrolled_is_told_how_many_are_new_and_not_moved()
    {
        for (var n = 0; n < 60; n++)
            await AddAsync("scrolled", new { n });
        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "topics/scrolled"), width: 320, height: 600);
        await Assertions.Expect(page.Locator(Rows).First).ToBeVisibleAsync();
        await page.GetByText("Live", new PageGetByTextOptions { Exact = true }).First.WaitForAsync();
        await page.Locator($"{Rows}[data-id='30']").ScrollIntoViewIfNeededAsync();

        for (var n = 60; n < 65; n++)
            await AddAsync("scrolled", new { n });
        var pill = page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "5 new items" });
        await Assertions.Expect(pill).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator($"{Rows}[data-id='30']")).ToBeInViewportAsync();
        await Assertions.Expect(page.Locator($"{Rows}[data-id='65']")).ToHaveCountAsync(0);

        await pill.ClickAsync();
        await Assertions.Expect(page.Locator($"{Rows}[data-id='65']")).ToBeInViewportAsync();
        Assert.Empty(errors);
    }

    [Fact]
    public async Task The_live_page_goes_on_by_itself_after_a_restart_of_the_server()
    {
        await AddAsync("restarted", new { n = 1 });
        var (page, _) = await browser.OpenAsync(new Uri(server.Address, "topics/restarted"));
        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(1);
        await page.GetByText("Live", new PageGetByTextOptions { Exact = true }).First.WaitForAsync();

        await server.RestartAsync();
        await AddAsync("restarted", new { n = 2 });

        await Assertions.Expect(page.Locator(Rows)).ToHaveCountAsync(2, new LocatorAssertionsToHaveCountOptions { Timeout = 20_000 });
    }

    [Fact]
    public async Task Dead_letters_are_replayed_from_the_page()
    {
        await AddAsync("poison", new { bad = true });
        await PutAsync("api/v1/topics/poison/subscriptions/bot", new { maxAttempts = 1 });
        var fetched = await server.Client.SendJsonAsync(HttpMethod.Post, "api/v1/topics/poison/subscriptions/bot/fetch", new { max = 1 }, TestContext.Current.CancellationToken);
        var token = fetched.Body.GetProperty("items")[0].GetProperty("token").GetString();
        await server.Client.SendJsonAsync(HttpMethod.Post, "api/v1/topics/poison/subscriptions/bot/nack", new { tokens = new[] { token }, reason = "It is poison." }, TestContext.Current.CancellationToken);

        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "subscriptions"));
        await page.GetByRole(AriaRole.Link, new PageGetByRoleOptions { Name = "bot" }).First.ClickAsync();
        await Assertions.Expect(page.GetByText("It is poison.")).ToBeVisibleAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Replay all" }).First.ClickAsync();
        var confirm = page.GetByRole(AriaRole.Dialog).GetByRole(AriaRole.Button, new LocatorGetByRoleOptions { Name = "Replay" });
        if (await confirm.CountAsync() > 0)
            await confirm.First.ClickAsync();

        await Assertions.Expect(page.GetByText("It is poison.")).ToHaveCountAsync(0);
        var again = await server.Client.SendJsonAsync(HttpMethod.Post, "api/v1/topics/poison/subscriptions/bot/fetch", new { max = 1 }, TestContext.Current.CancellationToken);
        Assert.Equal(1, again.Body.GetProperty("items").GetArrayLength());
        Assert.Empty(errors);
    }

    private async Task PutAsync(string path, object body) =>
        (await server.Client.SendAsync(HttpMethod.Put, path, JsonContent.Create(body), TestContext.Current.CancellationToken)).EnsureSuccess();

    private async Task AddAsync(string topic, object content) =>
        (await server.Client.SendJsonAsync(HttpMethod.Post, $"add?topic={topic}", content, TestContext.Current.CancellationToken)).EnsureSuccess();

    /// <summary>Each poll is a job, the newest first, which a list shows only when it is asked for them.</summary>
    private async Task AssertPollsAsync(params string[] results)
    {
        // The last one ends after its source has told of it.
        const string query = "?queue=sources&q=stackoverflow";
        await Deadline.WaitAsync(
            async () => (await ListAsync($"{query}&state=running")).Count == 0, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        var polls = await ListAsync(query);
        Assert.Equal(results, polls.Select(job => job.GetProperty("result").GetRawText()));
        Assert.All(polls, job => Assert.Equal(("poll-source", "succeeded"), (job.GetProperty("name").GetString(), job.GetProperty("state").GetString())));
        Assert.DoesNotContain(await ListAsync(""), job => job.GetProperty("queue").GetString() == "sources");

        async Task<List<JsonElement>> ListAsync(string query) =>
            [.. (await server.Client.SendAsync(HttpMethod.Get, $"api/v1/jobs{query}", body: null, TestContext.Current.CancellationToken)).Body.GetProperty("jobs").EnumerateArray()];
    }

    private async Task PollAsync(string expectedOutcome)
    {
        (await server.Client.SendAsync(HttpMethod.Post, "api/v1/sources/stackoverflow/poll", body: null, TestContext.Current.CancellationToken)).EnsureSuccess();
        var reached = await Deadline.WaitAsync(
            async () => (await server.Client.SendAsync(HttpMethod.Get, "api/v1/sources/stackoverflow", body: null, TestContext.Current.CancellationToken))
                .Body.GetProperty("lastOutcome").GetString() == expectedOutcome,
            TimeSpan.FromSeconds(20),
            TestContext.Current.CancellationToken);
        Assert.True(reached, $"The source never got to: {expectedOutcome}");
    }

    [GeneratedRegex("<entry>.*?</entry>", RegexOptions.Singleline, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Entry();
}
