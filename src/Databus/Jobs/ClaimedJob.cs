using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>What a worker asks for.</summary>
/// <param name="Owner">The node that runs them, whose heartbeat holds their lease; or, with a <paramref name="Lease"/>, a name for people.</param>
/// <param name="Queues">From which queues, in no order; null: all.</param>
/// <param name="Max">1 or more.</param>
/// <param name="Lease">For workers that are no node: how long, unless renewed. Null: as long as the owner's heartbeat is heard.</param>
public sealed record JobClaim(string Owner, IReadOnlyList<string>? Queues, int Max, TimeSpan? Lease = null)
{
    /// <summary>
    /// Only jobs of these names; null: any. Jobs of other names that are ahead in the same queue are passed over one by one:
    /// where there may be many of them, give each kind of worker a queue of its own.
    /// </summary>
    public IReadOnlyList<string>? Names { get; init; }

    /// <summary>Queues that are passed over, whichever are asked for. Default: none.</summary>
    public IReadOnlyList<string> Without { get; init; } = [];
}

/// <summary>A job in the hands of a worker.</summary>
/// <param name="Token">Guards all that is said about this start of it.</param>
/// <param name="Attempt">1 at the first start.</param>
/// <param name="EnqueuedAt">In the store's time.</param>
/// <param name="DueAt">When this start became due.</param>
public sealed record ClaimedJob(
    LeaseToken Token, string Name, string Queue, byte[] Arguments, int Attempt, int MaxAttempts, DateTimeOffset EnqueuedAt, DateTimeOffset DueAt,
    string? TraceParent)
{
    /// <summary>How often in a row it was lost. From <see cref="JobErrors.LossesOfASuspect"/> on it may be what ends its workers, or its neighbour was.</summary>
    public int Losses { get; init; }
}

/// <summary>What a claim got.</summary>
/// <param name="More">More may be there to claim now.</param>
/// <param name="NextDueAt">When the next delayed or held job becomes due; null: none is known.</param>
public sealed record JobClaims(IReadOnlyList<ClaimedJob> Jobs, bool More, DateTimeOffset? NextDueAt)
{
    public static readonly JobClaims Nothing = new([], More: false, NextDueAt: null);
}
