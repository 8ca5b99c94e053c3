namespace Databus.Postgres;

/// <summary>
/// The kinds of lock, as the first number of <c>pg_advisory_xact_lock</c>. They end with their transaction, so they
/// also hold behind a pooler, and a node that dies leaves none. The second number is the topic or subscription.
/// </summary>
internal static class Locks
{
    private const int Databus = 0x44420000;

    public const int Migration = Databus + 1;

    /// <summary>Appends to one topic follow one another, so that the order of ids is the order of commits (P3).</summary>
    public const int Topic = Databus + 2;

    /// <summary>Fetches and returns of one subscription follow one another.</summary>
    public const int Subscription = Databus + 3;

    public const int Purge = Databus + 4;

    /// <summary>Claims of outbox messages follow one another.</summary>
    public const int OutboxClaim = Databus + 17;

    public const int OutboxMigration = Databus + 18;
}
