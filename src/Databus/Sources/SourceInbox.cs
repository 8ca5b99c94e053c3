using Databus.Topics;

namespace Databus.Sources;

/// <summary>Where a listening source puts what came.</summary>
public sealed class SourceInbox
{
    private readonly TopicLog _log;
    private readonly SourceSettings _source;
    private readonly Action _changed;
    private readonly Lock _gate = new();
    private InboxNews _news;

    internal SourceInbox(TopicLog log, SourceSettings source, Action changed)
    {
        _log = log;
        _source = source;
        _changed = changed;
    }

    /// <summary>
    /// Appends what came. Ends when it is on disk; many at once share a commit. Null: taken, or known already; otherwise a plain sentence that says why this can never be an item of the topic.
    /// </summary>
    /// <param name="content">One JSON object.</param>
    /// <param name="givenKey">The key the sender gave, 1 to 1024 bytes of UTF-8; null: by the topic's rule.</param>
    /// <exception cref="Storage.StoreException">Not kept; the other side shall bring it again.</exception>
    public async Task<string?> TakeAsync(ReadOnlyMemory<byte> content, string? givenKey, CancellationToken cancellationToken)
    {
        var topic = await _log.FindAsync(_source.Topic, cancellationToken);
        return TopicLog.TryRead(topic, content.Span, givenKey, _source.Name, out var item, out var error)
            ? await AppendAsync(topic, item, cancellationToken)
            : error.Detail;
    }

    /// <summary>
    /// Like <see cref="TakeAsync"/>, for a CloudEvent in the JSON format: the item is the whole event, its key the event's
    /// source and id.
    /// </summary>
    public async Task<string?> TakeEventAsync(ReadOnlyMemory<byte> cloudEvent, CancellationToken cancellationToken)
    {
        var topic = await _log.FindAsync(_source.Topic, cancellationToken);
        return CloudEvent.TryRead(cloudEvent.Span, out var item, out var error)
            ? await AppendAsync(topic, item, cancellationToken)
            : error.Detail;
    }

    /// <summary>Tells the operator how it goes: null is well, otherwise a plain sentence.</summary>
    public void Report(string? trouble)
    {
        lock (_gate)
        {
            if (_news.IsKnown && _news.Trouble == trouble)
                return;
            _news = _news with { IsKnown = true, Trouble = trouble };
        }

        _changed();
    }

    /// <summary>Tells the operator that something came that can never be an item, and was put elsewhere.</summary>
    public void Refused(string reason)
    {
        lock (_gate)
            _news = _news with { Refused = _news.Refused + 1, LastRefusal = reason };
    }

    /// <summary>What there is to tell since this was asked last.</summary>
    internal InboxNews TakeNews()
    {
        lock (_gate)
        {
            var news = _news;
            _news = news with { Added = 0, Refused = 0, LastRefusal = null };
            return news;
        }
    }

    /// <summary>It could not be told.</summary>
    internal void PutBack(InboxNews news)
    {
        lock (_gate)
        {
            _news = _news with
            {
                Added = _news.Added + news.Added,
                Refused = _news.Refused + news.Refused,
                LastRefusal = _news.LastRefusal ?? news.LastRefusal,
            };
        }
    }

    private async Task<string?> AppendAsync(Topic topic, NewItem item, CancellationToken cancellationToken)
    {
        if ((await _log.AppendAsync(topic, [item], cancellationToken))[0].Added)
        {
            lock (_gate)
                _news = _news with { Added = _news.Added + 1 };
        }

        return null;
    }
}

/// <summary>How listening went of late.</summary>
/// <param name="IsKnown">The kind has said how it goes.</param>
/// <param name="Trouble">Null: well.</param>
internal readonly record struct InboxNews(bool IsKnown, string? Trouble, int Added, int Refused, string? LastRefusal);
