namespace Databus.Sqlite;

/// <summary>How the embedded store is run.</summary>
public sealed record SqliteStoreOptions
{
    /// <summary>The folder that holds the database; created when it is missing. Default <c>./databus-data</c>.</summary>
    public string DataDirectory { get; set; } = "./databus-data";

    /// <summary>
    /// Rows that may wait to be written; beyond it a request is refused as busy. Default 50 000: about a second of
    /// work on a small machine.
    /// </summary>
    public int MaxWaitingRows { get; set; } = 50_000;

    /// <summary>Connections that read at the same time; the others wait. Default 4.</summary>
    public int MaxReaders { get; set; } = 4;
}
