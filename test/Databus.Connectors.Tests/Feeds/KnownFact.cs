using System.Globalization;
using System.Text.Json;
using Databus.Connectors.Feeds;

namespace Databus.Connectors.Tests.Feeds;

/// <summary>One thing that the index of the feeds says about a file, and how to ask for it here.</summary>
internal sealed record KnownFact(string Name, string Expected, Func<FeedDocument, string?> Read)
{
    private static readonly Uri Address = new("http://127.0.0.1:8097/feed.xml");

    public bool Agrees(string? actual)
    {
        if (actual is null)
            return false;
        if (Name.EndsWith("published", StringComparison.Ordinal) || Name.EndsWith("updated", StringComparison.Ordinal))
            return FeedDate.Parse(Expected) is { } date && Time(date) == actual;
        // Titles are plain text here; an expectation that kept the markup is compared by its text.
        if (Name.EndsWith("title", StringComparison.Ordinal) && PlainText.FromHtml(Expected) == actual)
            return true;
        return PlainText.Line(Expected) == PlainText.Line(actual);
    }

    public static IEnumerable<KnownFact> Of(JsonElement entry)
    {
        if (entry.TryGetProperty("facts", out var facts))
        {
            foreach (var fact in OfDocument(facts))
                yield return fact;
            foreach (var inner in new[] { "afterTrimmingLeadingWhitespace", "expectedAfterDecoding" })
            {
                if (!facts.TryGetProperty(inner, out var nested))
                    continue;
                foreach (var fact in OfDocument(nested))
                    yield return fact;
            }
        }
        if (!entry.TryGetProperty("expected", out var expected))
            yield break;
        if (expected.TryGetProperty("itemCount", out var count))
            yield return new KnownFact("items", count.ToString(), feed => Text(feed.Entries.Count));
        if (expected.TryGetProperty("feed", out var described) && described.TryGetProperty("title", out var title))
            yield return new KnownFact("feed.title", title.GetString()!, feed => feed.Title);
        if (expected.TryGetProperty("items", out var items))
        {
            foreach (var (i, item) in items.EnumerateArray().Index())
            {
                foreach (var fact in OfItem($"items[{i}]", item, feed => feed.Entries.ElementAtOrDefault(i)))
                    yield return fact;
            }
        }
        if (!expected.TryGetProperty("checks", out var checks))
            yield break;
        foreach (var check in checks.EnumerateArray())
        {
            var (path, value) = (check.GetProperty("path").GetString()!, check.GetProperty("equals").ToString());
            if (path == "malformed" && value == bool.FalseString)
                yield return new KnownFact("readable", "whole", feed => feed.Fault ?? "whole");
            else if (path == "feed.title")
                yield return new KnownFact(path, value, feed => feed.Title);
            else if (path == "feed.author")
                yield return new KnownFact(path, value, feed => feed.Author);
            else if (path.StartsWith("items[0].", StringComparison.Ordinal) && !path.Contains("enclosures", StringComparison.Ordinal))
                yield return Field("items[0]", path["items[0].".Length..], value, feed => feed.Entries.FirstOrDefault());
        }
    }

    private static IEnumerable<KnownFact> OfDocument(JsonElement facts)
    {
        if (facts.TryGetProperty("itemCount", out var count))
            yield return new KnownFact("items", count.ToString(), feed => Text(feed.Entries.Count));
        if (facts.TryGetProperty("title", out var title))
            yield return new KnownFact("feed.title", title.GetString()!, feed => feed.Title);
        if (facts.TryGetProperty("firstItem", out var first))
        {
            foreach (var fact in OfItem("first", first, feed => feed.Entries.FirstOrDefault()))
                yield return fact;
        }
        if (facts.TryGetProperty("lastItem", out var last))
        {
            foreach (var fact in OfItem("last", last, feed => feed.Entries.LastOrDefault()))
                yield return fact;
        }
    }

    private static IEnumerable<KnownFact> OfItem(string owner, JsonElement item, Func<FeedDocument, FeedEntry?> entry)
    {
        foreach (var member in item.EnumerateObject())
        {
            if (member.Value.ValueKind == JsonValueKind.String)
                yield return Field(owner, member.Name, member.Value.GetString()!, entry);
        }
        if (!item.TryGetProperty("authors", out var authors) || authors.GetArrayLength() == 0)
            yield break;
        var author = authors[0];
        var who = author.TryGetProperty("name", out var name) ? name : author.GetProperty("email");
        yield return Field(owner, "author", who.GetString()!, entry);
    }

    private static KnownFact Field(string owner, string member, string expected, Func<FeedDocument, FeedEntry?> entry)
    {
        var (name, read) = member switch
        {
            "id" => ("id", e => e.Id),
            "title" => ("title", e => e.Title),
            "link" or "url" => ("link", e => e.Link),
            "author" => ("author", e => e.Author),
            "summary" => ("summary", e => e.Summary),
            "content" => ("content", e => e.Content ?? e.Summary),
            "published" or "publishedUtc" or "date_published" => ("published", e => Time(e.Published)),
            "updated" or "updatedUtc" => ("updated", e => Time(e.Updated)),
            _ => (member, (Func<FeedEntry, string?>)(_ => expected)),
        };
        var known = name == "link" ? FeedLink.Resolve(expected, Address) ?? expected : expected;
        return new KnownFact($"{owner}.{name}", known, feed => entry(feed) is { } found ? read(found) : null);
    }

    private static string? Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
