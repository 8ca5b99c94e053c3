namespace Databus.Testing.Servers;

/// <summary>What a test may want of its PostgreSQL server.</summary>
public sealed record PostgresSettings
{
    /// <summary>
    /// Whether commits wait for the disk. True by default; tests of behaviour switch it off, because without it the
    /// server starts faster and a killed process loses nothing either: only a crash of the machine would.
    /// </summary>
    public bool Fsync { get; init; } = true;

    /// <summary>
    /// The addresses it listens on, as in <c>listen_addresses</c>: separated by commas, <c>*</c> is all. The connection
    /// strings name the first.
    /// </summary>
    public string ListenAddresses { get; init; } = "127.0.0.1";

    /// <summary>Further settings of <c>postgresql.conf</c>. They win over those the server is given otherwise.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Started in this network namespace; null: in this process's own. Its Unix socket is reached from anywhere.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>The address clients connect to, where it is not the first it listens on.</summary>
    public string? Host { get; init; }
}
