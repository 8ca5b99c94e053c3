using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Sources;
using Microsoft.AspNetCore.Http;

namespace Databus.Connectors.Tests.Feeds;

public sealed class FeedSourceTests
{
    private const string StackOverflow = "real/stackoverflow-python-2022-07-26.atom";
    private const string OneItem = "<rss version='2.0'><channel><item><guid>1</guid></item></channel></rss>";
    private static readonly DateTimeOffset Now = DateTimeOffset.Parse("2026-01-02T03:04:05Z", CultureInfo.InvariantCulture);

    [Fact]
    public async Task A_real_feed_gives_all_its_entries_newest_question_last()
    {
        var result = await PollOnceAsync(context => context.Response.Body.WriteAsync(RealFeeds.Bytes(StackOverflow)).AsTask());

        Assert.Equal(PollOutcome.Read, result.Outcome);
        Assert.Equal(30, result.Items.Count);
        var contents = result.Items.Select(item => JsonDocument.Parse(item.Content).RootElement).ToList();
        Assert.All(contents, content =>
        {
            foreach (var member in new[] { "id", "title", "link", "author", "published", "updated", "summary" })
                Assert.NotEmpty(content.GetProperty(member).GetString()!);
        });
        var dates = contents.ConvertAll(content => content.GetProperty("published").GetString()!);
        Assert.Equal(dates.Order(StringComparer.Ordinal), dates);
        var question = contents.Single(content => content.GetProperty("id").GetString() == "https://stackoverflow.com/q/71437283");
        Assert.Equal("How do I choose the correct input shape to my Dense Layer?", question.GetProperty("title").GetString());
        Assert.Equal("Random Guy", question.GetProperty("author").GetString());
        Assert.Equal("2022-03-11T10:42:43Z", question.GetProperty("published").GetString());
        Assert.Equal("2022-07-26T06:09:20Z", question.GetProperty("updated").GetString());
        Assert.Equal(
            "https://stackoverflow.com/questions/71437283/how-do-i-choose-the-correct-input-shape-to-my-dense-layer",
            question.GetProperty("link").GetString());
    }

    [Fact]
    public async Task Entries_inserted_in_the_middle_are_the_only_new_ones()
    {
        var document = Encoding.UTF8.GetString(RealFeeds.Bytes(StackOverflow));
        var middle = document.IndexOf("<entry>", document.Length / 2, StringComparison.Ordinal);
        var grown = document.Insert(middle, """
            <entry><id>https://stackoverflow.com/q/1</id><title>One</title><published>2022-01-01T00:00:00Z</published></entry>
            <entry><id>https://stackoverflow.com/q/2</id><title>Two</title><published>2022-01-02T00:00:00Z</published></entry>
            """);
        var before = await PollOnceAsync(context => context.Response.WriteAsync(document));
        var after = await PollOnceAsync(context => context.Response.WriteAsync(grown));

        Assert.Equal(32, after.Items.Count);
        Assert.Equal(
            ["https://stackoverflow.com/q/1", "https://stackoverflow.com/q/2"],
            after.Items.Select(item => item.Identity).Except(before.Items.Select(item => item.Identity), StringComparer.Ordinal));
        var known = after.Items.ToDictionary(item => item.Identity, item => item.Content, StringComparer.Ordinal);
        Assert.All(before.Items, item => Assert.Equal(item.Content, known[item.Identity]));
    }

    [Theory]
    [InlineData("\"abc\"", null)]
    [InlineData("W/\"abc\"", "Tue, 26 Jul 2022 06:13:52 GMT")]
    [InlineData("w/\"lower\"", null)]
    [InlineData("unquoted", "yesterday, more or less")]
    [InlineData("\"a\\\"b, c\"", null)]
    [InlineData("\"\u00E9\u00FF\"", null)]
    [InlineData("\"\"", null)]
    [InlineData(null, "Tue, 26 Jul 2022 06:13:52 GMT")]
    public async Task An_unchanged_feed_is_answered_by_304_to_validators_sent_back_byte_for_byte(string? etag, string? lastModified)
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Headers.ETag = etag;
            context.Response.Headers.LastModified = lastModified;
            var sameTag = etag is not null && context.Request.Headers.IfNoneMatch == etag;
            var sameDate = etag is null && context.Request.Headers.IfModifiedSince == lastModified;
            if (!sameTag && !sameDate)
                return context.Response.WriteAsync(OneItem);
            context.Response.StatusCode = 304;
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var source = Guarded.FeedSource(client);

        var first = await source.PollAsync(new PollRequest(server.Address, null), default);
        var second = await source.PollAsync(new PollRequest(server.Address, first.State), default);

        Assert.Equal(PollOutcome.Read, first.Outcome);
        Assert.Equal(PollOutcome.NotModified, second.Outcome);
        Assert.Null(second.State);
        var request = server.Requests.Last();
        Assert.Equal(etag, request.GetValueOrDefault("If-None-Match"));
        Assert.Equal(lastModified, request.GetValueOrDefault("If-Modified-Since"));
    }

    [Fact]
    public async Task Validators_go_to_no_other_address()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Headers.ETag = "\"1\"";
            return context.Response.WriteAsync(OneItem);
        });
        using var client = Guarded.Client();
        var source = Guarded.FeedSource(client);

        var first = await source.PollAsync(new PollRequest(new Uri(server.Address, "/old"), null), default);
        await source.PollAsync(new PollRequest(new Uri(server.Address, "/new"), first.State), default);

        Assert.DoesNotContain("If-None-Match", server.Requests.Last().Keys, StringComparer.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Validators_follow_the_feed_to_where_it_moved()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            if (context.Request.Path == "/old")
                context.Response.Redirect("/new", permanent: true);
            else if (context.Request.Headers.IfNoneMatch == "\"1\"")
                context.Response.StatusCode = 304;
            else
                context.Response.Headers.ETag = "\"1\"";
            return context.Response.StatusCode == 200 ? context.Response.WriteAsync(OneItem) : Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var source = Guarded.FeedSource(client);

        var first = await source.PollAsync(new PollRequest(new Uri(server.Address, "/old"), null), default);
        var again = await source.PollAsync(new PollRequest(new Uri(server.Address, "/old"), first.State), default);
        var moved = await source.PollAsync(new PollRequest(first.MovedTo!, first.State), default);

        Assert.Equal(new Uri(server.Address, "/new"), first.MovedTo);
        Assert.Equal((PollOutcome.NotModified, first.MovedTo), (again.Outcome, again.MovedTo));
        Assert.Equal((PollOutcome.NotModified, (Uri?)null), (moved.Outcome, moved.MovedTo));
    }

    [Theory]
    [InlineData("not a feed", PollOutcome.Failed)]
    [InlineData("<rss><channel><item><guid>1</guid></item><item>", PollOutcome.Read)]
    public async Task What_was_not_read_whole_leaves_no_validators(string document, PollOutcome outcome)
    {
        var result = await PollOnceAsync(context =>
        {
            context.Response.Headers.ETag = "\"1\"";
            return context.Response.WriteAsync(document);
        });

        Assert.Equal(outcome, result.Outcome);
        Assert.DoesNotContain("eTag", result.State ?? "", StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"url\":\"\",\"eTag\":\"x\"}")]
    [InlineData("{\"url\":5}")]
    public async Task A_state_that_cannot_be_read_is_as_none(string state)
    {
        var result = await PollOnceAsync(context => context.Response.WriteAsync(OneItem), state);

        Assert.Equal(PollOutcome.Read, result.Outcome);
    }

    [Fact]
    public async Task A_feed_that_is_gone_says_so()
    {
        var result = await PollOnceAsync(Status(410));

        Assert.Equal(PollOutcome.Gone, result.Outcome);
        Assert.Equal("The server answered 410: the feed is gone for good.", result.Error);
    }

    [Fact]
    public async Task What_is_gone_behind_a_temporary_redirect_is_not_the_feed()
    {
        var result = await PollOnceAsync(context =>
        {
            if (context.Request.Path == "/there")
                context.Response.StatusCode = 410;
            else
                context.Response.Redirect("/there");
            return Task.CompletedTask;
        });

        Assert.Equal((PollOutcome.Failed, "The server answered 410."), (result.Outcome, result.Error));
    }

    [Theory]
    [InlineData(404)]
    [InlineData(500)]
    [InlineData(204)]
    [InlineData(304)]
    [InlineData(301)]
    public async Task Any_other_answer_is_a_failure(int status)
    {
        var result = await PollOnceAsync(Status(status));

        Assert.Equal((PollOutcome.Failed, $"The server answered {status}."), (result.Outcome, result.Error));
    }

    [Theory]
    [InlineData(429, "120", 120)]
    [InlineData(503, " 7 ", 7)]
    [InlineData(503, "Fri, 02 Jan 2026 03:05:05 GMT", 60)]
    [InlineData(429, "Friday, 02-Jan-26 03:05:05 GMT", 60)]
    [InlineData(429, "Fri, 02 Jan 2026 03:00:00 GMT", null)]
    [InlineData(429, "-5", null)]
    [InlineData(429, "soon", null)]
    [InlineData(429, "99999999999999999999", 86400)]
    [InlineData(500, "120", null)]
    public async Task Retry_After_is_honoured_in_both_forms(int status, string retryAfter, int? seconds)
    {
        var result = await PollOnceAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.RetryAfter = retryAfter;
            return Task.CompletedTask;
        });

        Assert.Equal(PollOutcome.Failed, result.Outcome);
        Assert.Equal(seconds, result.NotBefore?.TotalSeconds);
    }

    [Theory]
    [InlineData("max-age=600", null, "", 600)]
    [InlineData("public, Max-Age=\"600\"", "100", "", 500)]
    [InlineData("max-age=600", "700", "", null)]
    [InlineData("no-cache", null, "", null)]
    [InlineData("max-age=31536000", null, "", 86400)]
    [InlineData(null, null, "<ttl>10</ttl>", 600)]
    [InlineData("max-age=60", null, "<ttl>10</ttl>", 600)]
    [InlineData("max-age=1200", null, "<ttl>10</ttl>", 1200)]
    [InlineData(null, null, "<ttl>soon</ttl>", null)]
    [InlineData(null, null, "<ttl>99999</ttl>", 86400)]
    [InlineData(null, null, "<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 1800)]
    [InlineData(null, null, "<sy:updatePeriod>yearly</sy:updatePeriod>", 86400)]
    public async Task The_longest_of_what_server_and_feed_ask_for_counts(string? cacheControl, string? age, string channel, int? seconds)
    {
        var result = await PollOnceAsync(context =>
        {
            context.Response.Headers.CacheControl = cacheControl;
            context.Response.Headers.Age = age;
            return context.Response.WriteAsync(OneItem.Replace("<item>", channel + "<item>", StringComparison.Ordinal));
        });

        Assert.Equal(seconds, result.NotBefore?.TotalSeconds);
    }

    [Fact]
    public async Task What_the_feed_asked_for_holds_for_a_304_too()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.Headers.ETag = "\"1\"";
            if (context.Request.Headers.IfNoneMatch.Count == 0)
                return context.Response.WriteAsync(OneItem.Replace("<item>", "<ttl>15</ttl><item>", StringComparison.Ordinal));
            context.Response.StatusCode = 304;
            return Task.CompletedTask;
        });
        using var client = Guarded.Client();
        var source = Guarded.FeedSource(client);

        var first = await source.PollAsync(new PollRequest(server.Address, null), default);
        var second = await source.PollAsync(new PollRequest(server.Address, first.State), default);

        Assert.Equal(TimeSpan.FromMinutes(15), second.NotBefore);
    }

    [Fact]
    public async Task Entries_without_a_readable_date_get_the_time_first_seen_and_come_in_reverse()
    {
        var result = await PollOnceAsync(context => context.Response.WriteAsync("""
            <rss version="2.0"><channel>
              <item><guid>new</guid><pubDate>at some time</pubDate></item>
              <item><guid>old</guid><pubDate>Tue, 26 Jul 2022 06:00:00 GMT</pubDate></item>
            </channel></rss>
            """));

        Assert.Equal(
            ["""{"id":"old","published":"2022-07-26T06:00:00Z"}""", """{"id":"new","published":"2026-01-02T03:04:05Z"}"""],
            result.Items.Select(item => Encoding.UTF8.GetString(item.Content)));
    }

    [Fact]
    public async Task Identity_is_the_guid_then_the_link_then_a_hash_that_stays()
    {
        var document = $"""
            <rss version="2.0"><channel>
              <item><guid isPermaLink="false">{new string('é', 513)}</guid><title>long</title></item>
              <item><title>neither</title></item>
              <item><link>https://example.org/1</link><title>link</title></item>
              <item><guid>1</guid><link>https://example.org/2</link></item>
            </channel></rss>
            """;
        var first = await PollOnceAsync(context => context.Response.WriteAsync(document));
        var later = await PollOnceAsync(context => context.Response.WriteAsync(document), now: Now.AddDays(1));

        Assert.Equal(["1", "https://example.org/1"], first.Items.Take(2).Select(item => item.Identity));
        Assert.All(first.Items.Skip(2), item => Assert.Matches("^sha256:[0-9a-f]{64}$", item.Identity));
        Assert.Equal(first.Items.Select(item => item.Identity), later.Items.Select(item => item.Identity));
        Assert.Equal(4, first.Items.DistinctBy(item => item.Identity).Count());
    }

    [Fact]
    public async Task An_entry_that_stands_twice_in_a_document_comes_once_as_its_newer_version()
    {
        var result = await PollOnceAsync(context => context.Response.WriteAsync("""
            <rss version="2.0"><channel>
              <item><guid>1</guid><title>new</title></item><item><guid>2</guid></item><item><guid>1</guid><title>old</title></item>
            </channel></rss>
            """));

        Assert.Equal(["2", "1"], result.Items.Select(item => item.Identity));
        Assert.Contains("new", Encoding.UTF8.GetString(result.Items[1].Content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_charset_of_the_header_counts()
    {
        var result = await PollOnceAsync(context =>
        {
            context.Response.ContentType = "text/xml; charset=\"koi8-r\"";
            var document = OneItem.Replace("</guid>", "</guid><title>Привет</title>", StringComparison.Ordinal);
            var koi8 = CodePagesEncodingProvider.Instance.GetEncoding("koi8-r")!;
            return context.Response.Body.WriteAsync(koi8.GetBytes(document)).AsTask();
        });

        Assert.Contains("Привет", Encoding.UTF8.GetString(Assert.Single(result.Items).Content), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relative_links_are_resolved_against_where_the_feed_was_found()
    {
        await using var server = await LoopbackServer.StartAsync(context =>
        {
            if (context.Request.Path != "/blog/feed")
                context.Response.Redirect("/blog/feed");
            return context.Response.WriteAsync(OneItem.Replace("<guid>1</guid>", "<link>post</link>", StringComparison.Ordinal));
        });
        using var client = Guarded.Client();

        var result = await Guarded.FeedSource(client).PollAsync(new PollRequest(server.Address, null), default);

        Assert.Equal(new Uri(server.Address, "/blog/post").AbsoluteUri, Assert.Single(result.Items).Identity);
    }

    private static RequestDelegate Status(int status) => context =>
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    };

    private static async Task<PollResult> PollOnceAsync(RequestDelegate answer, string? state = null, DateTimeOffset? now = null)
    {
        await using var server = await LoopbackServer.StartAsync(answer);
        using var client = Guarded.Client();
        return await Guarded.FeedSource(client, new FixedTime(now ?? Now)).PollAsync(new PollRequest(server.Address, state), default);
    }
}
