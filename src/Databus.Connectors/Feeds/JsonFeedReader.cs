using System.Text.Json;

namespace Databus.Connectors.Feeds;

/// <summary>Reads JSON Feed 1.0 and 1.1. Members of the wrong type count as missing.</summary>
internal static class JsonFeedReader
{
    private static readonly JsonDocumentOptions Options =
        new() { MaxDepth = 64, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Reads the whole document.</summary>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    /// <exception cref="FeedException">The JSON is no feed, or a limit is passed.</exception>
    public static FeedDocument Read(string text, Uri address)
    {
        using var json = JsonDocument.Parse(text, Options);
        var root = json.RootElement;
        if (!root.TryGetProperty("items", out var items) || items.ValueKind != JsonValueKind.Array)
            throw new FeedException("The document is not a feed: it is JSON without a list of items.");
        if (items.GetArrayLength() > FeedLimits.MaxEntries)
            throw new FeedException($"The feed lists more than {FeedLimits.MaxEntries} entries.");
        var feed = new FeedDocument
        {
            Format = "jsonfeed",
            Title = PlainText.Line(Text(root, "title")),
            Author = Author(root),
        };
        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Object && ReadEntry(item, address) is { IsEmpty: false } entry)
            {
                entry.Author ??= feed.Author;
                feed.Entries.Add(entry);
            }
        }
        return feed;
    }

    private static FeedEntry ReadEntry(JsonElement item, Uri address)
    {
        var entry = new FeedEntry
        {
            Id = Text(item, "id")?.Trim() is { Length: > 0 } id ? id : null,
            Title = PlainText.Line(Text(item, "title")),
            Link = FeedLink.Resolve(Text(item, "url"), address) ?? FeedLink.Resolve(Text(item, "external_url"), address),
            Author = Author(item),
            Published = FeedDate.Parse(Text(item, "date_published")),
            Updated = FeedDate.Parse(Text(item, "date_modified")),
            Summary = Html(item, "summary", isHtml: false),
            Content = Html(item, "content_html", isHtml: true) ?? Html(item, "content_text", isHtml: false),
        };
        foreach (var tag in List(item, "tags"))
        {
            if (tag.ValueKind == JsonValueKind.String && PlainText.Line(String(tag)) is { } line)
                entry.Categories.Add(line);
        }
        foreach (var attachment in List(item, "attachments"))
        {
            if (FeedLink.Resolve(Text(attachment, "url"), address) is { } url)
                entry.Enclosures.Add(new FeedEnclosure(url, PlainText.Line(Text(attachment, "mime_type")), Size(attachment)));
        }
        return entry;
    }

    private static string? Author(JsonElement owner)
    {
        if (owner.TryGetProperty("author", out var author) && PlainText.Line(Text(author, "name")) is { } name)
            return name;
        var names = List(owner, "authors").Select(a => PlainText.Line(Text(a, "name"))).Where(n => n is not null);
        return PlainText.Line(string.Join(", ", names));
    }

    private static string? Html(JsonElement item, string member, bool isHtml)
    {
        var text = Text(item, member)?.Trim();
        if (string.IsNullOrEmpty(text))
            return null;
        return isHtml ? text : ElementContent.Encode(text);
    }

    private static IEnumerable<JsonElement> List(JsonElement owner, string member) =>
        owner.TryGetProperty(member, out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Take(FeedLimits.MaxListLength)
            : [];

    private static string? Text(JsonElement owner, string member)
    {
        if (owner.ValueKind != JsonValueKind.Object || !owner.TryGetProperty(member, out var value))
            return null;
        return value.ValueKind switch
        {
            JsonValueKind.String => String(value),
            // Ids are numbers in some feeds.
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };
    }

    private static string? String(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // An escaped half of a surrogate pair is valid JSON, and no text.
            return null;
        }
    }

    private static long? Size(JsonElement attachment) =>
        attachment.TryGetProperty("size_in_bytes", out var size) && size.ValueKind == JsonValueKind.Number
            && size.TryGetInt64(out var bytes) ? bytes : null;
}
