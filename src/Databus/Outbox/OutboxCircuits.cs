using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>Which destinations are there; types may share one.</summary>
internal sealed class OutboxCircuits(OutboxTypes types, TimeProvider time)
{
    private readonly Dictionary<string, Circuit> _circuits = types.All.Select(type => type.Destination).Distinct(StringComparer.Ordinal)
        .ToDictionary(destination => destination, _ => new Circuit(time), StringComparer.Ordinal);

    public Circuit Of(OutboxType type) => _circuits[type.Destination];

    /// <summary>The destinations that are not there.</summary>
    public IEnumerable<(string Destination, Outage Outage)> Outages =>
        _circuits.Where(pair => pair.Value.Outage is not null).Select(pair => (pair.Key, pair.Value.Outage!));
}
