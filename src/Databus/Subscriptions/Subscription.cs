using Databus.Destinations;
using Databus.Topics;

namespace Databus.Subscriptions;

/// <summary>What a subscription's owner decides about it. A null leaves the value as it is, or its default.</summary>
public sealed record SubscriptionSettings
{
    public static readonly TimeSpan DefaultLease = TimeSpan.FromSeconds(30);
    public static readonly TimeSpan LongestLease = TimeSpan.FromHours(12);
    public const int DefaultMaxAttempts = 10;
    public const int LargestMaxAttempts = 1000;
    public const int DefaultMaxInFlight = 10_000;
    public const int LargestMaxInFlight = 100_000;

    /// <summary>How long a delivery is leased when the fetch names no time: 1 s to 12 h. Default 30 s.</summary>
    public TimeSpan? Lease { get; init; }

    /// <summary>After this many deliveries without an acknowledgement an item is a dead letter: 1 to 1000. Default 10.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>No new items are handed out while this many are leased or waiting: 1 to 100 000. Default 10 000.</summary>
    public int? MaxInFlight { get; init; }

    /// <summary>
    /// Where Databus pushes the items to; <see cref="DestinationSettings.None"/> makes a pushing subscription one that is
    /// pulled again. Default: none.
    /// </summary>
    public DestinationSettings? Destination { get; init; }

    /// <summary>True: nothing is pushed until it is false again. Default false.</summary>
    public bool? Paused { get; init; }
}

/// <summary>Where a subscription begins that is created now.</summary>
public enum SubscriptionStart
{
    /// <summary>At the oldest item kept.</summary>
    Beginning,

    /// <summary>Behind the newest item: only what comes from now on.</summary>
    End,
}

/// <summary>A subscription as an operator sees it.</summary>
/// <param name="Position">The last id handed out for the first time.</param>
/// <param name="LastId">The topic's last id.</param>
/// <param name="Lag">Ids given after the position. A few of them may be gone: retention can leave an old item between removed ones.</param>
/// <param name="InFlight">Leased now.</param>
/// <param name="Waiting">Handed out before, to be delivered again.</param>
/// <param name="Dead">Dead letters.</param>
/// <param name="OldestWaitingAt">When the oldest item that is not acknowledged was added; null when there is none.</param>
public sealed record SubscriptionStatus(
    string Name,
    string Topic,
    long Position,
    long LastId,
    long Lag,
    int InFlight,
    int Waiting,
    int Dead,
    TimeSpan Lease,
    int MaxAttempts,
    int MaxInFlight,
    DateTimeOffset? OldestWaitingAt,
    DateTimeOffset CreatedAt)
{
    /// <summary>Null: it is pulled.</summary>
    public DestinationSettings? Destination { get; init; }

    public bool Paused { get; init; }
}

/// <summary>A subscription that pushes.</summary>
public sealed record PushSubscription(Topic Topic, string Name, DestinationSettings Destination)
{
    /// <summary>How long its deliveries are leased.</summary>
    public TimeSpan Lease { get; init; } = SubscriptionSettings.DefaultLease;
}
