namespace Databus.Subscriptions;

/// <summary>What a returned delivery does to the attempts of its item.</summary>
public enum AttemptUse
{
    /// <summary>The attempt is used up.</summary>
    Counts,

    /// <summary>The attempt was none: the other side was not there, or asked for patience.</summary>
    DoesNotCount,

    /// <summary>No further attempt makes sense: a dead letter at once.</summary>
    IsTheLast,
}

/// <summary>A delivery that is returned.</summary>
/// <param name="Delay">After this long it is delivered again.</param>
/// <param name="Reason">Kept with the dead letter, should it become one.</param>
public readonly record struct NegativeAcknowledgement(LeaseToken Token, TimeSpan Delay, string? Reason, AttemptUse Attempt = AttemptUse.Counts);

/// <summary>What became of each negative acknowledgement.</summary>
/// <param name="Returned">Will be delivered again.</param>
/// <param name="Dead">Had no attempt left and are dead letters now.</param>
/// <param name="Lost">Tokens that are no longer current.</param>
public sealed record NackResult(int Returned, int Dead, IReadOnlyList<LeaseToken> Lost);
