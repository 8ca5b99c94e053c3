using Databus.Storage;
using Databus.Telemetry;

namespace Databus.Topics;

/// <summary>
/// The filter before the store: what is known about keys that are taken, so that the duplicates which are sent over and
/// over cost no statement and no fsync. The store is the judge of keys; the filter only repeats what it has committed.
/// </summary>
/// <remarks>
/// A fact carries its own end, and that is judged each time by the store's time. So neither a process that stood still nor
/// a slow network nor the clock of whatever keeps the facts can make an old one pass for true.
/// </remarks>
/// <param name="most">How many keys the process itself remembers; 0: none.</param>
/// <param name="shared">What other nodes know, or null.</param>
internal sealed class KnownKeys(IStore store, int most, ISharedKeys? shared, DatabusMeter meter)
{
    /// <summary>How far the store's time may be from what this process takes it for.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    /// <summary>A fact that ends sooner would hardly be met again while it holds.</summary>
    private static readonly TimeSpan WorthTelling = TimeSpan.FromSeconds(2);

    private readonly RecentKeys _recent = new(most);

    /// <summary>
    /// Which history of the data facts about the topic are of; null: the filter is neither to be asked nor told. To be
    /// taken before the store is asked.
    /// </summary>
    public string? GenerationFor(Topic topic) =>
        topic.Number == Topic.NotCreated || (_recent.IsOff && shared is null) ? null : store.Generation;

    /// <summary>Gives the items whose keys are known to be taken their outcomes; leaves those of the others alone.</summary>
    /// <returns>How many are known.</returns>
    public async ValueTask<int> FindAsync(string generation, Topic topic, IReadOnlyList<NewItem> items, AppendOutcome[] outcomes)
    {
        var after = store.Now + Margin;
        var recent = _recent.Find(generation, topic.Number, items, after, outcomes);
        var others = shared is not null && recent < outcomes.Length
            ? await AskOthersAsync(shared, generation, topic, items, outcomes)
            : 0;
        meter.Filtered(recent, others, outcomes.Length - recent - others);
        return recent + others;
    }

    /// <summary>Learns what the store has committed, unless its data has another history meanwhile.</summary>
    /// <param name="generation">As it was before the store was asked.</param>
    public void Learn(string generation, Topic topic, IReadOnlyList<NewItem> items, AppendResult result)
    {
        if (store.Generation != generation)
            return;
        var now = store.Now;
        var facts = new List<KnownKey>(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            if (result.TakenUntil[i] > now + WorthTelling)
                facts.Add(new KnownKey(items[i].KeyHash, result.Outcomes[i].Id, result.TakenUntil[i]));
        }

        if (facts.Count == 0)
            return;
        _recent.Remember(generation, topic.Number, facts);
        shared?.Tell(generation, topic.Number, facts, now);
    }

    private async ValueTask<int> AskOthersAsync(
        ISharedKeys others, string generation, Topic topic, IReadOnlyList<NewItem> items, AppendOutcome[] outcomes)
    {
        var asked = new List<int>(outcomes.Length);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] == default)
                asked.Add(i);
        }

        var found = await others.FindAsync(generation, topic.Number, asked.ConvertAll(i => items[i].KeyHash));

        // Time has passed, and perhaps more than the data: what they know is judged as of now.
        if (found.Count == 0 || store.Generation != generation)
            return 0;
        var after = store.Now + Margin;
        var holding = new List<KnownKey>(found.Count);
        for (var i = 0; i < found.Count; i++)
        {
            if (found[i].ItemId == 0 || found[i].TakenUntil <= after)
                continue;
            outcomes[asked[i]] = new AppendOutcome(found[i].ItemId, Added: false);
            holding.Add(found[i]);
        }

        _recent.Remember(generation, topic.Number, holding);
        return holding.Count;
    }
}
