namespace Databus.Postgres;

/// <summary>How the shared store is run.</summary>
public sealed record PostgresStoreOptions
{
    /// <summary>
    /// Npgsql's connection string; see <see cref="PostgresUrl"/> for URLs. The role needs the right to create a schema
    /// at the first start; everything lives in the schema <c>databus</c>.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// Rows that may wait to be written; beyond it a request is refused as busy. Default 50 000: about a second of
    /// work on a small machine.
    /// </summary>
    public int MaxWaitingRows { get; set; } = 50_000;

    /// <summary>Connections this node opens at most, besides the one that listens. Default 20.</summary>
    public int MaxConnections { get; set; } = 20;

    /// <summary>How long a statement may take before the database counts as unavailable. Default 30 s.</summary>
    public TimeSpan CommandTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A clock for tests in place of the database's.</summary>
    internal TimeProvider? Clock { get; init; }
}
