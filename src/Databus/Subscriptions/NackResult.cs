namespace Databus.Subscriptions;

/// <summary>What became of each negative acknowledgement.</summary>
/// <param name="Returned">Will be delivered again.</param>
/// <param name="Dead">Had no attempt left and are dead letters now.</param>
/// <param name="Lost">Tokens that are no longer current.</param>
public sealed record NackResult(int Returned, int Dead, IReadOnlyList<LeaseToken> Lost);
