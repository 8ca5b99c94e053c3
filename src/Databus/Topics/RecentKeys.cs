using Databus.Json;

namespace Databus.Topics;

/// <summary>
/// Facts about the keys that this process met last, a bounded number of them, of one history of the data at a time. Safe
/// for concurrent use. A key costs about 100 bytes.
/// </summary>
/// <remarks>
/// Two halves: what is learnt or met again goes into the newer one, and when that is full the older one is emptied and
/// they change places. So what is met often stays, and nothing is kept in order.
/// </remarks>
/// <param name="most">How many keys, 0 or more; 0: none.</param>
internal sealed class RecentKeys(int most)
{
    private readonly int _mostInHalf = (most + 1) / 2;
    private readonly Lock _gate = new();
    private Dictionary<(int Topic, KeyHash Hash), Fact> _newer = [];
    private Dictionary<(int Topic, KeyHash Hash), Fact> _older = [];
    private string? _generation;

    /// <summary>True: it keeps nothing.</summary>
    public bool IsOff => most == 0;

    /// <summary>Gives the items whose keys are still taken after a time their outcomes; leaves those of the others alone.</summary>
    /// <returns>How many were found.</returns>
    public int Find(string generation, int topic, IReadOnlyList<NewItem> items, DateTimeOffset after, AppendOutcome[] outcomes)
    {
        var found = 0;
        lock (_gate)
        {
            if (_generation != generation)
                return 0;
            for (var i = 0; i < outcomes.Length; i++)
            {
                if (Find((topic, items[i].KeyHash)) is not { } fact || fact.TakenUntil <= after.UtcTicks)
                    continue;
                outcomes[i] = new AppendOutcome(fact.ItemId, Added: false);
                found++;
            }
        }

        return found;
    }

    /// <summary>Keeps facts, and forgets all that were about another history of the data.</summary>
    public void Remember(string generation, int topic, IReadOnlyList<KnownKey> facts)
    {
        if (IsOff)
            return;
        lock (_gate)
        {
            if (_generation != generation)
            {
                _newer.Clear();
                _older.Clear();
                _generation = generation;
            }

            foreach (var fact in facts)
                Keep((topic, fact.Hash), new Fact(fact.ItemId, fact.TakenUntil.UtcTicks));
        }
    }

    private Fact? Find((int Topic, KeyHash Hash) key)
    {
        if (_newer.TryGetValue(key, out var fact))
            return fact;
        if (!_older.TryGetValue(key, out fact))
            return null;

        // Only where there is room: looking must not push out what is still good.
        if (_newer.Count < _mostInHalf)
        {
            _older.Remove(key);
            _newer[key] = fact;
        }

        return fact;
    }

    private void Keep((int Topic, KeyHash Hash) key, Fact fact)
    {
        if (_newer.Count >= _mostInHalf && !_newer.ContainsKey(key))
        {
            (_newer, _older) = (_older, _newer);
            _newer.Clear();
        }

        _newer[key] = fact;
    }

    private readonly record struct Fact(long ItemId, long TakenUntil);
}
