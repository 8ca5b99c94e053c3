using Databus.Storage;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Databus.Outbox;

/// <summary>
/// A health check: <c>services.AddHealthChecks().AddCheck&lt;OutboxHealth&gt;("outbox")</c>. Unhealthy: the database does not answer.
/// Degraded: a destination is not there, or something waits for longer than <see cref="OutboxOptions.LongestHealthyWait"/>. Its data
/// are, by type, how many wait and how many are parked.
/// </summary>
public sealed class OutboxHealth : IHealthCheck
{
    private readonly IOutboxStore _store;
    private readonly OutboxCircuits _circuits;
    private readonly OutboxOptions _options;
    private readonly TimeProvider _time;

    internal OutboxHealth(IOutboxStore store, OutboxCircuits circuits, OutboxOptions options, TimeProvider time)
    {
        _store = store;
        _circuits = circuits;
        _options = options;
        _time = time;
    }

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await _store.OpenAsync(_options.Migrate, cancellationToken);
            var pending = await _store.PendingAsync(cancellationToken);
            var data = new Dictionary<string, object>(StringComparer.Ordinal);
            var troubles = _circuits.Outages.Select(one => $"The destination {one.Destination} is not there: {one.Outage.Reason}").ToList();
            foreach (var type in pending)
            {
                data[$"{type.Type}.pending"] = type.Count;
                data[$"{type.Type}.parked"] = type.Parked;
                var waits = _time.GetUtcNow() - (type.Oldest ?? DateTimeOffset.MaxValue);
                if (waits > _options.LongestHealthyWait)
                    troubles.Add($"Messages {type.Type} wait for up to {waits.TotalSeconds:0} s.");
            }

            return troubles.Count == 0 ? HealthCheckResult.Healthy(data: data) : HealthCheckResult.Degraded(string.Join(' ', troubles), data: data);
        }
        catch (StoreException error)
        {
            return HealthCheckResult.Unhealthy(error.Message, error);
        }
    }
}
