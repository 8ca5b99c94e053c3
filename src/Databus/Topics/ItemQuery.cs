namespace Databus.Topics;

/// <summary>Which part of a topic's log to read.</summary>
public sealed record ItemQuery
{
    public const int MaxLimit = 1000;

    /// <summary>Only items with a larger id. Default 0: from the first item kept.</summary>
    public long After { get; init; }

    /// <summary>When set, the newest items with a smaller id, newest first.</summary>
    public long? Before { get; init; }

    /// <summary>At most this many items, 1 to <see cref="MaxLimit"/>. Default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>Only items whose JSON text contains this, upper and lower case of A to Z alike. Null: all.</summary>
    public string? Contains { get; init; }
}

/// <summary>A stretch of a topic's log.</summary>
/// <param name="ScannedTo">
/// The id to go on from, as After or Before; null when the end of the log was reached. A page may be short
/// of its limit, even empty, with more to come: one request reads a bounded number of items and bytes.
/// </param>
public sealed record ItemPage(IReadOnlyList<Item> Items, long? ScannedTo);
