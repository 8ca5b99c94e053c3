using System.Diagnostics.Metrics;
using Databus.Topics;

namespace Databus.Telemetry;

/// <summary>What Databus counts, as instruments of the meter <c>Databus</c> and as the last minute for the overview.</summary>
internal sealed class DatabusMeter : IDisposable
{
    public const string Name = "Databus";

    private readonly Meter _meter = new(Name);
    private readonly Counter<long> _added;
    private readonly Counter<long> _duplicates;
    private readonly LastMinute _addedLastMinute;
    private readonly LastMinute _duplicatesLastMinute;

    public DatabusMeter(TimeProvider time)
    {
        _added = _meter.CreateCounter<long>("databus.items.added", "{item}", "Items appended to topics.");
        _duplicates = _meter.CreateCounter<long>("databus.items.duplicates", "{item}", "Items refused because their key is taken.");
        _addedLastMinute = new LastMinute(time);
        _duplicatesLastMinute = new LastMinute(time);
    }

    public long AddedLastMinute => _addedLastMinute.Sum;

    public long DuplicatesLastMinute => _duplicatesLastMinute.Sum;

    public void Appended(ReadOnlySpan<AppendOutcome> outcomes)
    {
        var added = 0;
        foreach (var outcome in outcomes)
            added += outcome.Added ? 1 : 0;
        Count(_added, _addedLastMinute, added);
        Count(_duplicates, _duplicatesLastMinute, outcomes.Length - added);
    }

    public void Dispose() => _meter.Dispose();

    private static void Count(Counter<long> counter, LastMinute lastMinute, int count)
    {
        if (count == 0)
            return;
        counter.Add(count);
        lastMinute.Add(count);
    }
}
