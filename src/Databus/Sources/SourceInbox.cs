using Databus.Topics;

namespace Databus.Sources;

/// <summary>Where a listening source puts what came.</summary>
public sealed class SourceInbox
{
    private readonly TopicLog _log;
    private readonly SourceSettings _source;
    private long _added;
    private string? _trouble;

    internal SourceInbox(TopicLog log, SourceSettings source)
    {
        _log = log;
        _source = source;
    }

    /// <summary>Items added since it was opened.</summary>
    internal long Added => Interlocked.Read(ref _added);

    /// <summary>What <see cref="Report"/> said last.</summary>
    internal string? Trouble => Volatile.Read(ref _trouble);

    /// <summary>
    /// Appends what came. Ends when it is on disk; many at once share a commit. Null: taken, or known already; otherwise
    /// a plain sentence that says why this can never be an item of the topic.
    /// </summary>
    /// <param name="content">One JSON object.</param>
    /// <param name="givenKey">The key the sender gave, or null: by the topic's rule.</param>
    /// <exception cref="Storage.StoreException">Not kept; the other side shall bring it again.</exception>
    public async Task<string?> TakeAsync(ReadOnlyMemory<byte> content, string? givenKey, CancellationToken cancellationToken)
    {
        var topic = await _log.FindAsync(_source.Topic, cancellationToken);
        if (!TopicLog.TryRead(topic, content.Span, givenKey, _source.Name, out var item, out var error))
            return error.Detail;
        if ((await _log.AppendAsync(topic, [item], cancellationToken))[0].Added)
            Interlocked.Increment(ref _added);
        return null;
    }

    /// <summary>Tells the operator how it goes: null is well, otherwise a plain sentence.</summary>
    public void Report(string? trouble) => Volatile.Write(ref _trouble, trouble);
}
