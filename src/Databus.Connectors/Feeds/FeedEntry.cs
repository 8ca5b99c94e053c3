namespace Databus.Connectors.Feeds;

/// <summary>One entry of a feed, in the words of the items that it becomes; null is what the feed does not say.</summary>
internal sealed class FeedEntry
{
    /// <summary>The guid or id, as written.</summary>
    public string? Id { get; set; }

    /// <summary>Plain text.</summary>
    public string? Title { get; set; }

    /// <summary>Absolute.</summary>
    public string? Link { get; set; }

    public string? Author { get; set; }
    public DateTimeOffset? Published { get; set; }
    public DateTimeOffset? Updated { get; set; }

    /// <summary>HTML, not sanitised.</summary>
    public string? Summary { get; set; }

    /// <summary>HTML, not sanitised.</summary>
    public string? Content { get; set; }

    public List<string> Categories { get; } = [];
    public List<FeedEnclosure> Enclosures { get; } = [];

    public DateTimeOffset? Date => Published ?? Updated;

    /// <summary>Whether the feed says nothing at all of it, so that there is nothing to make an item of.</summary>
    public bool IsEmpty => Id is null && Title is null && Link is null && Author is null && Date is null
        && Summary is null && Content is null && Categories.Count == 0 && Enclosures.Count == 0;
}

/// <summary>A file that belongs to an entry, such as the sound of a podcast's episode.</summary>
internal sealed record FeedEnclosure(string Url, string? Type, long? Length);
