namespace Databus.Topics;

/// <summary>What became of one item: added under <paramref name="Id"/>, or a duplicate of the item with that id.</summary>
public readonly record struct AppendOutcome(long Id, bool Added);

/// <summary>What became of the items of one append.</summary>
/// <param name="Outcomes">In the order of the items.</param>
/// <param name="TakenUntil">When each item's key is free again, in the store's time; <see cref="DateTimeOffset.MaxValue"/>: never.</param>
public sealed record AppendResult(AppendOutcome[] Outcomes, DateTimeOffset[] TakenUntil);
