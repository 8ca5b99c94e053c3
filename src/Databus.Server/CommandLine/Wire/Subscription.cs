using System.Text.Json.Nodes;

namespace Databus.Server.CommandLine.Wire;

internal sealed record Subscription(
    string Name,
    string Topic,
    string? Position,
    string? LastId,
    long Lag,
    long InFlight,
    long Waiting,
    long Dead,
    int LeaseSeconds,
    int MaxAttempts,
    int MaxInFlight,
    JsonObject? Destination,
    bool Paused,
    DateTimeOffset? OldestWaitingAt,
    DateTimeOffset? CreatedAt);

internal sealed record SubscriptionList
{
    public required IReadOnlyList<Subscription> Subscriptions { get; init; }
}
