namespace Databus.Subscriptions;

/// <summary>A delivery that gave up, kept with its reason.</summary>
public sealed record DeadLetter(
    long Id,
    byte[] Content,
    DateTimeOffset AddedAt,
    int Attempts,
    string Reason,
    DateTimeOffset DiedAt);
