using System.Text;
using Microsoft.Playwright;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>The dashboard's pages of jobs in a real browser, before the real server.</summary>
public abstract class JobPageTests(RunningServer server, Browser browser) : IClassFixture<Browser>
{
    [Fact]
    public async Task Jobs_that_failed_are_found_by_the_filter_and_tried_again_all_at_once()
    {
        // An address that no page can have: the node itself gives these up at once.
        for (var number = 0; number < 3; number++)
            await EndAsync(await EnqueueAsync("word-count?queue=hopeless", new { url = $"ftp://example.org/{number}" }), "failed");
        await EnqueueAsync("word-count?queue=hopeless&delaySeconds=3600", new { url = "http://127.0.0.1/later" });

        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "jobs?queue=hopeless"));
        await Assertions.Expect(page.GetByText("word-count")).ToHaveCountAsync(4);
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "failed" }).ClickAsync();
        await Assertions.Expect(page.GetByText("word-count")).ToHaveCountAsync(3);
        Assert.Contains("state=failed", page.Url, StringComparison.Ordinal);

        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Retry…" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Retry jobs" }).ClickAsync();
        await Assertions.Expect(page.GetByText("3 jobs set to run again")).ToBeVisibleAsync();
        Assert.Empty(errors);
    }

    [Fact]
    public async Task A_job_is_cancelled_from_its_page()
    {
        var id = await EnqueueAsync("word-count?delaySeconds=3600", new { url = "http://127.0.0.1/later" });
        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, $"jobs/{id}"));
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Cancel" }).ClickAsync();
        await Assertions.Expect(page.GetByText("cancelled", new PageGetByTextOptions { Exact = true }).First).ToBeVisibleAsync();
        await EndAsync(id, "cancelled");
        Assert.Empty(errors);
    }

    [Fact]
    public async Task The_words_of_a_page_are_counted_and_drawn()
    {
        await using var site = await DocumentServer.StartAsync(
            Encoding.UTF8.GetBytes("<html lang=en><title>Ads</title><script>hidden hidden</script><body><p>the flat, the flat and the balcony</p></body></html>"), "text/html");
        var (page, errors) = await browser.OpenAsync(new Uri(server.Address, "word-count"));
        await page.GetByLabel("Address of a page").FillAsync(site.Url);
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Count words" }).ClickAsync();

        var charts = page.Locator("table.word-chart");
        await Assertions.Expect(charts).ToHaveCountAsync(2);
        await Assertions.Expect(charts.First.Locator("tbody tr")).ToHaveTextAsync(["flat2", "balcony1"]);
        await Assertions.Expect(charts.Last.Locator("tbody tr").First).ToHaveTextAsync("the3");
        await Assertions.Expect(page.GetByText("hidden", new PageGetByTextOptions { Exact = true })).ToHaveCountAsync(0);
        Assert.Empty(errors);
    }

    private async Task<string> EnqueueAsync(string path, object arguments)
    {
        var answer = await server.Client.SendJsonAsync(HttpMethod.Post, $"api/v1/jobs/{path}", arguments, TestContext.Current.CancellationToken);
        return answer.EnsureSuccess().Body.GetProperty("id").GetString()!;
    }

    private async Task EndAsync(string id, string state)
    {
        var answer = await server.Client.SendAsync(HttpMethod.Get, $"api/v1/jobs/{id}?wait=20", body: null, TestContext.Current.CancellationToken);
        Assert.Equal((200, state), (answer.Status, answer.Body.GetProperty("state").GetString()));
    }
}
