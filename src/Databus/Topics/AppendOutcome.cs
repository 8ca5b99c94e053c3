namespace Databus.Topics;

/// <summary>What became of one item: added under <paramref name="Id"/>, or a duplicate of the item with that id.</summary>
public readonly record struct AppendOutcome(long Id, bool Added);
