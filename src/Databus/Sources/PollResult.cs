namespace Databus.Sources;

/// <summary>How one poll of a source ended.</summary>
public enum PollOutcome
{
    /// <summary>A document was read; <see cref="PollResult.Items"/> holds everything it lists, known or not.</summary>
    Read,

    /// <summary>The other side says that nothing changed since the last poll.</summary>
    NotModified,

    /// <summary>Nothing could be read; <see cref="PollResult.Error"/> says why. The engine tries again, later each time.</summary>
    Failed,

    /// <summary>The other side says that this address is gone for good; the engine stops polling it.</summary>
    Gone,
}

/// <summary>What one poll brought.</summary>
public sealed record PollResult(PollOutcome Outcome)
{
    /// <summary>In the order in which they are to be appended: oldest first where the source has an order.</summary>
    public IReadOnlyList<SourceItem> Items { get; init; } = [];

    /// <summary>
    /// The kind's own memory for the next poll, such as validators; opaque to the engine, which keeps it
    /// across restarts, only after the items are on disk. Null leaves the last one in place.
    /// </summary>
    public string? State { get; init; }

    /// <summary>The address that replaces this one for good (301, 308), or null.</summary>
    public Uri? MovedTo { get; init; }

    /// <summary>The other side asks not to be polled before this long has passed (max-age, ttl, Retry-After), or null.</summary>
    public TimeSpan? NotBefore { get; init; }

    /// <summary>One plain sentence for the operator when the outcome is Failed or Gone.</summary>
    public string? Error { get; init; }
}
