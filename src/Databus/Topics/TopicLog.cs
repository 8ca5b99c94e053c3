using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Databus.Json;
using Databus.Storage;
using Databus.Telemetry;

namespace Databus.Topics;

/// <summary>Appends to topics and follows them.</summary>
public sealed class TopicLog
{
    private const int FollowBatch = 500;

    private readonly IStore _store;
    private readonly TopicSignals _signals;
    private readonly DatabusMeter _meter;

    internal TopicLog(IStore store, TopicSignals signals, DatabusMeter meter)
    {
        _store = store;
        _signals = signals;
        _meter = meter;
    }

    /// <summary>
    /// The topic of this name. One that is not there is given as it will be once its first item is appended; a request
    /// that is refused creates nothing.
    /// </summary>
    public async ValueTask<Topic> FindAsync(string name, CancellationToken cancellationToken) =>
        await _store.FindTopicAsync(name, cancellationToken) ?? new Topic(Topic.NotCreated, name, TopicSettings.Default);

    /// <summary>The topic of this name, created with the default settings when it is not there yet.</summary>
    public async ValueTask<Topic> GetOrCreateAsync(string name, CancellationToken cancellationToken) =>
        await _store.FindTopicAsync(name, cancellationToken) ?? (await _store.PutTopicAsync(name, settings: null, cancellationToken)).Topic;

    /// <summary>
    /// Appends items of which each is taken once per key and window (P2). Ends when all of it is on disk (P1).
    /// A topic deleted meanwhile comes to life again with the default settings.
    /// </summary>
    public async Task<AppendOutcome[]> AppendAsync(Topic topic, IReadOnlyList<NewItem> items, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await _store.AppendAsync(topic, items, cancellationToken) is { } result)
            {
                _meter.Appended(result.Outcomes);
                return result.Outcomes;
            }

            topic = await GetOrCreateAsync(topic.Name, cancellationToken);
        }
    }

    /// <summary>
    /// The log from an id on, without end: batches in id order, every id once (P3). Ends when the topic is deleted.
    /// A slow reader holds one batch in memory, whatever comes meanwhile.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<Item>> FollowAsync(
        Topic topic, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var signal = _signals.Of(topic);
        while (true)
        {
            var changed = signal.Next;
            var page = await _store.ReadItemsAsync(topic, new ItemQuery { After = after, Limit = FollowBatch }, cancellationToken);
            if (page.Items.Count > 0)
            {
                yield return page.Items;
                after = page.Items[^1].Id;
                continue;
            }

            if ((await _store.FindTopicAsync(topic.Name, cancellationToken))?.Number != topic.Number)
                yield break;
            await changed.WaitAsync(cancellationToken);
        }
    }

    /// <summary>
    /// Reads what a sender sent and finds its key: the given one, or by the topic's pointers, or the SHA-256 of the
    /// canonical content.
    /// </summary>
    /// <param name="givenKey">1 to 1024 bytes of UTF-8, or null.</param>
    internal static bool TryRead(
        Topic topic, ReadOnlySpan<byte> json, string? givenKey, string? source,
        out NewItem item, [NotNullWhen(false)] out JsonError? error)
    {
        item = default;
        if (!ItemContent.TryParse(json, out var content, out error))
            return false;
        if (givenKey is not null)
            item = new NewItem(content.Utf8, KeyHash.FromText(givenKey), givenKey, source);
        else if (topic.Settings.KeyRule is not { } rule)
            item = new NewItem(content.Utf8, KeyHash.FromDigest(content.Digest), Key: null, source);
        else if (rule.TryGetKey(content, out var key, out error))
            item = new NewItem(content.Utf8, KeyHash.FromText(key), key, source);
        else
            return false;
        return true;
    }
}
