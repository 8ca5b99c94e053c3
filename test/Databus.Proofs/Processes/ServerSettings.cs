namespace Databus.Proofs.Processes;

/// <summary>How the server is started.</summary>
/// <param name="DataFolder">Where a SQLite store lives.</param>
internal sealed record ServerSettings(string DataFolder, int Port)
{
    /// <summary>What <c>--store</c> says; null: SQLite.</summary>
    public string? Store { get; init; }

    /// <summary>What the node is called; null: as the machine.</summary>
    public string? Name { get; init; }

    /// <summary>Variables beside those of this process, for example <c>DATABUS_RABBITMQ__URI</c>.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}
