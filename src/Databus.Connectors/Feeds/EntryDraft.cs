namespace Databus.Connectors.Feeds;

/// <summary>
/// Collects what the elements of one entry offer. Several may speak of the same thing; the lowest rank
/// wins, and among equals the first.
/// </summary>
internal sealed class EntryDraft
{
    public FeedEntry Entry { get; } = new();

    /// <summary>The rdf:about of an RSS 1.0 item.</summary>
    public string? About { get; init; }

    public bool GuidIsLink { get; set; }
    public Best<string> Ids { get; } = new();
    public Best<string> Titles { get; } = new();
    public Best<string> Links { get; } = new();
    public Best<string> Authors { get; } = new();
    public Best<string> Summaries { get; } = new();
    public Best<string> Contents { get; } = new();
    public Best<DateTimeOffset?> Published { get; } = new();
    public Best<DateTimeOffset?> Updated { get; } = new();

    public FeedEntry Finish(Uri address)
    {
        if (GuidIsLink && Ids.Value is { } guid && guid.StartsWith("http", StringComparison.OrdinalIgnoreCase))
            Links.Offer(rank: 3, FeedLink.Resolve(guid, address));
        var about = string.IsNullOrWhiteSpace(About) ? null : About.Trim();
        Ids.Offer(rank: 1, about);
        Entry.Id = Ids.Value;
        Entry.Link = Links.Value ?? FeedLink.Resolve(about, address);
        Entry.Title = Titles.Value;
        Entry.Author = Authors.Value;
        Entry.Published = Published.Value;
        Entry.Updated = Updated.Value;
        Entry.Summary = Summaries.Value;
        Entry.Content = Contents.Value == Summaries.Value ? null : Contents.Value;
        return Entry;
    }

    internal sealed class Best<T>
    {
        private int _rank = int.MaxValue;

        public T? Value { get; private set; }

        public void Offer(int rank, T? value)
        {
            if (value is not null && rank < _rank)
                (Value, _rank) = (value, rank);
        }
    }
}
