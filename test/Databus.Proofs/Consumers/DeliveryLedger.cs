using System.Collections.Concurrent;

namespace Databus.Proofs.Consumers;

/// <summary>What consumers told of their deliveries, by item.</summary>
internal sealed class DeliveryLedger
{
    private readonly ConcurrentDictionary<(string What, long Id), int> _counts = new();
    private readonly ConcurrentDictionary<string, int> _totals = new(StringComparer.Ordinal);

    public void Told(string what, long id, int attempt)
    {
        _counts.AddOrUpdate((what, id), 1, (_, count) => count + 1);
        _totals.AddOrUpdate(what, 1, (_, count) => count + 1);
        _counts.AddOrUpdate(("attempts", id), attempt, (_, highest) => Math.Max(highest, attempt));
    }

    public int Count(string what, long id) => _counts.GetValueOrDefault((what, id));

    public int Total(string what) => _totals.GetValueOrDefault(what);

    public IReadOnlyList<long> Ids(string what) => [.. _counts.Keys.Where(key => key.What == what).Select(key => key.Id)];
}
