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
    private readonly KnownKeys _knownKeys;
    private readonly DatabusMeter _meter;

    internal TopicLog(IStore store, TopicSignals signals, KnownKeys knownKeys, DatabusMeter meter)
    {
        _store = store;
        _signals = signals;
        _knownKeys = knownKeys;
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
        // A stream that began before its topic was there keeps saying so: without this each of its batches would go to the
        // store twice.
        if (topic.Number == Topic.NotCreated)
            topic = await GetOrCreateAsync(topic.Name, cancellationToken);
        while (true)
        {
            var outcomes = items.Count > 0 && _knownKeys.GenerationFor(topic) is { } generation
                ? await AppendUnknownAsync(generation, topic, items, cancellationToken)
                : (await _store.AppendAsync(topic, items, cancellationToken))?.Outcomes;
            if (outcomes is not null)
            {
                _meter.Appended(outcomes);
                return outcomes;
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

    /// <summary>Sends the store only what is not known to be taken. Null: the topic is gone.</summary>
    private async ValueTask<AppendOutcome[]?> AppendUnknownAsync(
        string generation, Topic topic, IReadOnlyList<NewItem> items, CancellationToken cancellationToken)
    {
        var outcomes = new AppendOutcome[items.Count];
        var known = await _knownKeys.FindAsync(generation, topic, items, outcomes);

        // Its keys are known for longer than the topic is there.
        if (known > 0 && (await _store.FindTopicAsync(topic.Name, cancellationToken))?.Number != topic.Number)
            return null;
        if (known == items.Count)
            return outcomes;

        // Together, so that of those with the same key the store tells which was first.
        IReadOnlyList<NewItem> unknown = known == 0 ? items : [.. items.Where((_, i) => outcomes[i] == default)];
        if (await _store.AppendAsync(topic, unknown, cancellationToken) is not { } result)
            return null;
        _knownKeys.Learn(generation, topic, unknown, result);
        if (known == 0)
            return result.Outcomes;
        for (int i = 0, next = 0; next < unknown.Count; i++)
        {
            if (outcomes[i] == default)
                outcomes[i] = result.Outcomes[next++];
        }

        return outcomes;
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
