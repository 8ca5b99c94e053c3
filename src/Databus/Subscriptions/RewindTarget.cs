namespace Databus.Subscriptions;

/// <summary>Where a rewind sets the position: after an id, or before the first item added at or after a time.</summary>
public readonly record struct RewindTarget
{
    public static readonly RewindTarget Beginning = After(0);
    public static readonly RewindTarget End = After(long.MaxValue);

    public long? Id { get; private init; }

    public DateTimeOffset? Time { get; private init; }

    /// <summary>The next new item is the first one with a larger id; beyond the last id means behind the last item.</summary>
    public static RewindTarget After(long id) => new() { Id = id };

    public static RewindTarget At(DateTimeOffset time) => new() { Time = time };
}
