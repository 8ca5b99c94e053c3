namespace Databus.Server.CommandLine.Input;

/// <summary>How an input is written.</summary>
internal enum InputFormat
{
    /// <summary>An item on each line.</summary>
    Ndjson,

    /// <summary>An array of items, or single objects.</summary>
    Json,

    /// <summary>A table, the first line naming its columns.</summary>
    Csv,
}
