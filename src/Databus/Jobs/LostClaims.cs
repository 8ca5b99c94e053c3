using Databus.Nodes;
using Databus.Storage;
using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>
/// Jobs that were claimed for this node by a call whose answer never came. Its heartbeat would hold them for ever, so they
/// are looked for after each such call.
/// </summary>
internal sealed class LostClaims(IStore store, NodeHeart heart, TimeProvider time)
{
    /// <summary>A claim may still come into force when its connection has long been given up.</summary>
    private static readonly TimeSpan Doubt = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(5);

    private long? _suspectedAt;
    private long? _lookedAt;

    /// <summary>A claim had no answer.</summary>
    public void Suspect()
    {
        _suspectedAt = time.GetTimestamp();
        _lookedAt = null;
    }

    /// <summary>Between two claims: which starts of this node it knows nothing of.</summary>
    public async Task<IReadOnlyList<LeaseToken>> FindAsync(Predicate<LeaseToken> isKnown, CancellationToken cancellationToken)
    {
        if (_suspectedAt is not { } suspectedAt || (_lookedAt is { } lookedAt && time.GetElapsedTime(lookedAt) < BetweenLooks))
            return [];
        var isLast = time.GetElapsedTime(suspectedAt) >= Doubt;
        var lost = (await store.Jobs.ListRunningAsync(heart.Id, cancellationToken)).Where(token => !isKnown(token)).ToList();
        _lookedAt = time.GetTimestamp();
        if (isLast)
            _suspectedAt = null;
        return lost;
    }
}
