using Databus.Json;

namespace Databus.Topics;

/// <summary>A fact that a store has committed: the key is taken, by which item, and until when.</summary>
/// <param name="TakenUntil">In the store's time; <see cref="DateTimeOffset.MaxValue"/>: for ever.</param>
public readonly record struct KnownKey(KeyHash Hash, long ItemId, DateTimeOffset TakenUntil);
