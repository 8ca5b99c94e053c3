namespace Databus.Proofs.Outbox;

/// <summary>What arrived, compared with what was committed.</summary>
internal sealed class OutboxAudit
{
    private readonly List<(Arrival Again, Arrival Before)> _again = [];

    /// <summary>Compares.</summary>
    /// <param name="arrivals">In the order in which they came.</param>
    public OutboxAudit(IReadOnlySet<Guid> committed, IEnumerable<Arrival> arrivals)
    {
        var before = new Dictionary<Guid, Arrival>();
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var arrival in arrivals)
        {
            if (before.TryGetValue(arrival.Message, out var earlier))
            {
                _again.Add((arrival, earlier));
            }
            else if (arrival.IsOrdered)
            {
                OutOfOrder += arrival.Number == last.GetValueOrDefault(arrival.Key) + 1 ? 0 : 1;
                last[arrival.Key] = arrival.Number;
            }

            before[arrival.Message] = arrival;
        }

        Arrived = before.Count;
        Others = before.Keys.Count(message => !committed.Contains(message));
        Lost = committed.Count - (Arrived - Others);
    }

    /// <summary>How many messages, each counted once.</summary>
    public int Arrived { get; }

    /// <summary>Committed, and never arrived.</summary>
    public int Lost { get; }

    /// <summary>Arrived, and never committed.</summary>
    public int Others { get; }

    /// <summary>First arrivals that were not the next of their key.</summary>
    public int OutOfOrder { get; }

    /// <summary>What came again, and the arrival before it.</summary>
    public IReadOnlyList<(Arrival Again, Arrival Before)> Again => _again;
}
