using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Databus.Sources;

namespace Databus.Connectors.Feeds;

/// <summary>Turns the entries of a feed into items: what identifies them, what they hold, and in which order.</summary>
internal static class FeedItems
{
    // Text stays readable; items are data, and whoever puts one into a page encodes it there.
    private static readonly JsonWriterOptions Options =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>The items of a feed, oldest first, each identity once.</summary>
    /// <param name="now">The time that an entry without a readable date gets: when it was first seen.</param>
    public static List<SourceItem> From(FeedDocument feed, DateTimeOffset now)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        var items = new List<SourceItem>(feed.Entries.Count);
        // From the newest on: of an entry that appears twice, the newer version counts.
        foreach (var entry in NewestFirst(feed.Entries))
        {
            var id = entry.Id ?? entry.Link ?? Hash(Write(entry, id: null, published: entry.Published));
            var identity = Identity(id);
            if (known.Add(identity))
                items.Add(new SourceItem(identity, Write(entry, id, entry.Date ?? now)));
        }
        items.Reverse();
        return items;
    }

    // Feeds list the newest first; where every entry has a date, the dates know better.
    private static IEnumerable<FeedEntry> NewestFirst(List<FeedEntry> entries) =>
        entries.TrueForAll(entry => entry.Date is not null) ? entries.OrderByDescending(entry => entry.Date) : entries;

    private static string Identity(string id) =>
        Encoding.UTF8.GetByteCount(id) <= FeedLimits.MaxIdentityBytes ? id : Hash(Encoding.UTF8.GetBytes(id));

    private static string Hash(byte[] bytes) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static byte[] Write(FeedEntry entry, string? id, DateTimeOffset? published)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, Options);
        json.WriteStartObject();
        Write(json, "id", id);
        Write(json, "title", entry.Title);
        Write(json, "link", entry.Link);
        Write(json, "author", entry.Author);
        Write(json, "published", Format(published));
        Write(json, "updated", Format(entry.Updated));
        Write(json, "summary", entry.Summary);
        Write(json, "content", entry.Content);
        WriteCategories(json, entry.Categories);
        WriteEnclosures(json, entry.Enclosures);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteCategories(Utf8JsonWriter json, List<string> categories)
    {
        if (categories.Count == 0)
            return;
        json.WriteStartArray("categories");
        foreach (var category in categories)
            json.WriteStringValue(category);
        json.WriteEndArray();
    }

    private static void WriteEnclosures(Utf8JsonWriter json, List<FeedEnclosure> enclosures)
    {
        if (enclosures.Count == 0)
            return;
        json.WriteStartArray("enclosures");
        foreach (var enclosure in enclosures)
        {
            json.WriteStartObject();
            json.WriteString("url", enclosure.Url);
            Write(json, "type", enclosure.Type);
            if (enclosure.Length is { } length)
                json.WriteNumber("length", length);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static string? Format(DateTimeOffset? time) =>
        time?.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFZ", CultureInfo.InvariantCulture);
}
