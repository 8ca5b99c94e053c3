namespace Databus.Subscriptions;

/// <summary>One item in the hands of one consumer, until its lease ends.</summary>
/// <param name="Attempt">1 at the first delivery.</param>
/// <param name="Token">Proof of the lease; null when the item was taken and acknowledged at once.</param>
public sealed record Delivery(long Id, byte[] Content, DateTimeOffset AddedAt, int Attempt, LeaseToken? Token);

/// <summary>What one fetch got.</summary>
/// <param name="More">Something more was there to take.</param>
/// <param name="NextDueAt">When something that is leased or waiting now comes due again; null when nothing is.</param>
/// <param name="IsHeldUp">Something new is there, and as much is in flight as may be: an acknowledgement makes room.</param>
public sealed record FetchResult(IReadOnlyList<Delivery> Deliveries, bool More, DateTimeOffset? NextDueAt, bool IsHeldUp = false)
{
    public static readonly FetchResult Nothing = new([], More: false, NextDueAt: null);

    /// <summary>The subscription pushes: nothing is handed out to those who pull.</summary>
    public bool Pushes { get; init; }
}
