using System.Diagnostics.Metrics;
using Databus.Telemetry;

namespace Databus.Outbox;

/// <summary>What the outbox does, by type, as instruments of the meter <c>Databus</c>. Where nobody listens they cost nothing.</summary>
internal sealed class OutboxMeter : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _sent;
    private readonly Counter<long> _failed;
    private readonly Counter<long> _parked;
    private readonly ObservableGauge<long> _pending;
    private readonly ObservableGauge<double> _oldest;
    private readonly ObservableGauge<long> _parkedNow;
    private readonly TimeProvider _time;
    private volatile IReadOnlyList<PendingMessages> _last = [];

    public OutboxMeter(TimeProvider time)
    {
        _time = time;

        // The scope tells the meters apart where one process holds several of these.
        _meter = new Meter(DatabusMeter.Name, version: null, tags: null, scope: this);
        _sent = _meter.CreateCounter<long>("databus.outbox.sent", "{message}", "Messages that their destination has for good.");
        _failed = _meter.CreateCounter<long>("databus.outbox.failed", "{message}", "Sends of messages that failed and are tried again.");
        _parked = _meter.CreateCounter<long>("databus.outbox.parked", "{message}", "Messages that gave up.");
        _pending = _meter.CreateObservableGauge(
            "databus.outbox.pending", () => _last.Select(one => new Measurement<long>(one.Count, Tag(one.Type))), "{message}", "Messages that wait to be sent.");
        _oldest = _meter.CreateObservableGauge(
            "databus.outbox.oldest", () => _last.Where(one => one.Oldest is not null).Select(one => new Measurement<double>(
                Math.Max(0, (_time.GetUtcNow() - one.Oldest!.Value).TotalSeconds), Tag(one.Type))),
            "s", "How long the oldest message waits that is not sent.");
        _parkedNow = _meter.CreateObservableGauge(
            "databus.outbox.waiting_for_help", () => _last.Select(one => new Measurement<long>(one.Parked, Tag(one.Type))), "{message}", "Messages that are parked.");
    }

    /// <summary>Somebody reads what <see cref="Look"/> keeps.</summary>
    public bool WantsLooks => _pending.Enabled || _oldest.Enabled || _parkedNow.Enabled;

    /// <summary>What waits, as it was found just now.</summary>
    public void Look(IReadOnlyList<PendingMessages> pending) => _last = pending;

    public void Ended(string type, int sent, int failed, int parked)
    {
        Count(_sent, sent, type);
        Count(_failed, failed, type);
        Count(_parked, parked, type);
    }

    public void Dispose() => _meter.Dispose();

    private static void Count(Counter<long> counter, int count, string type)
    {
        if (count > 0)
            counter.Add(count, Tag(type));
    }

    private static KeyValuePair<string, object?> Tag(string type) => new("databus.outbox.type", type);
}
