using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Ledgers;

namespace Databus.Proofs.Outbox;

/// <summary>A message that arrived. The times are timestamps.</summary>
internal sealed record Arrival(string Node, Guid Message, string Key, long Number, long At)
{
    /// <summary>False: it has no order key.</summary>
    public bool IsOrdered => Key != "free";
}

/// <summary>Writes down what services committed and what their senders sent, as it arrives, outside of all of them.</summary>
internal sealed class SentLedger : IAsyncDisposable
{
    private readonly ConcurrentQueue<Arrival> _arrivals = new();
    private readonly ConcurrentDictionary<Guid, long> _committed = new();
    private readonly ConcurrentDictionary<Guid, byte> _arrived = new();
    private readonly LineLedger _lines;

    public SentLedger() => _lines = new LineLedger(Write);

    public int Port => _lines.Port;

    /// <summary>In the order in which they came, again or not.</summary>
    public IReadOnlyCollection<Arrival> Arrivals => _arrivals;

    /// <summary>How many messages arrived, each counted once.</summary>
    public int Count => _arrived.Count;

    /// <summary>When it was told that it is committed, which may be later than that it was sent; null: it was not told.</summary>
    public long? CommittedAt(Guid message) => _committed.TryGetValue(message, out var at) ? at : null;

    public ValueTask DisposeAsync() => _lines.DisposeAsync();

    private void Write(string[] words)
    {
        var now = Stopwatch.GetTimestamp();
        if (words[0] == "committed")
        {
            _committed[Guid.Parse(words[1])] = now;
            return;
        }

        var message = Guid.Parse(words[2]);
        _arrived[message] = 0;
        _arrivals.Enqueue(new Arrival(words[1], message, words[3], long.Parse(words[4], CultureInfo.InvariantCulture), now));
    }
}
