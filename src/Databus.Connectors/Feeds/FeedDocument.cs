namespace Databus.Connectors.Feeds;

/// <summary>A feed as it was read.</summary>
internal sealed class FeedDocument
{
    /// <summary>For example <c>rss 2.0</c> or <c>atom 1.0</c>; the version is left out where the feed does not say it.</summary>
    public required string Format { get; init; }

    /// <summary>Plain text.</summary>
    public string? Title { get; set; }

    /// <summary>Whom entries without an author are by.</summary>
    public string? Author { get; set; }

    /// <summary>How long the feed says that it stays the same (ttl, sy:updatePeriod).</summary>
    public TimeSpan? TimeToLive { get; set; }

    /// <summary>In document order.</summary>
    public List<FeedEntry> Entries { get; } = [];

    /// <summary>Why the end of the document could not be read, or null; the entries before the fault are there.</summary>
    public string? Fault { get; set; }
}
