using System.Diagnostics.Metrics;
using Databus.Topics;

namespace Databus.Telemetry;

/// <summary>What Databus counts, as instruments of the meter <c>Databus</c> and as the last minute for the overview.</summary>
internal sealed class DatabusMeter : IDisposable
{
    public const string Name = "Databus";

    private static readonly KeyValuePair<string, object?> RecentTag = new("databus.filter", "process");
    private static readonly KeyValuePair<string, object?> SharedTag = new("databus.filter", "shared");

    private readonly Meter _meter;
    private readonly Counter<long> _added;
    private readonly Counter<long> _duplicates;
    private readonly Counter<long> _filterHits;
    private readonly Counter<long> _filterMisses;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _parked;
    private readonly LastMinute _addedLastMinute;
    private readonly LastMinute _duplicatesLastMinute;

    public DatabusMeter(TimeProvider time)
    {
        // The scope tells the meters apart where one process holds several of these.
        _meter = new Meter(Name, version: null, tags: null, scope: this);
        _added = _meter.CreateCounter<long>("databus.items.added", "{item}", "Items appended to topics.");
        _duplicates = _meter.CreateCounter<long>("databus.items.duplicates", "{item}", "Items refused because their key is taken.");
        _filterHits = _meter.CreateCounter<long>(
            "databus.filter.hits", "{item}", "Items whose key was known to be taken, in this process or from other nodes, so that the store was not asked.");
        _filterMisses = _meter.CreateCounter<long>("databus.filter.misses", "{item}", "Items whose key was not known, so that the store was asked.");
        _sent = _meter.CreateCounter<long>("databus.deliveries.sent", "{delivery}", "Deliveries that a destination has for good.");
        _failed = _meter.CreateCounter<long>("databus.deliveries.failed", "{delivery}", "Deliveries that a destination did not take.");
        _parked = _meter.CreateCounter<long>("databus.deliveries.parked", "{delivery}", "Pushed deliveries that became dead letters.");
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

    /// <summary>How many keys of one append were known to this process, to other nodes, and to neither.</summary>
    public void Filtered(int recent, int shared, int unknown)
    {
        if (recent > 0)
            _filterHits.Add(recent, RecentTag);
        if (shared > 0)
            _filterHits.Add(shared, SharedTag);
        if (unknown > 0)
            _filterMisses.Add(unknown);
    }

    /// <summary>How one batch went that was pushed.</summary>
    public void Pushed(int sent, int failed)
    {
        if (sent > 0)
            _sent.Add(sent);
        if (failed > 0)
            _failed.Add(failed);
    }

    public void Parked(int count)
    {
        if (count > 0)
            _parked.Add(count);
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
