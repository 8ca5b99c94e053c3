using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Subscriptions;

namespace Databus.AspNetCore.Subscriptions;

/// <summary>What may be said about a subscription. What is left out keeps its value, or the default at the start.</summary>
/// <param name="Destination">An object that names its kind; null is a value here and says that there shall be none.</param>
internal sealed record SubscriptionBody(
    string? Start, double? LeaseSeconds, int? MaxAttempts, int? MaxInFlight, JsonElement Destination, bool? Paused);

internal sealed record SubscriptionAnswer(
    string Name, string Topic, string Position, string LastId, long Lag, int InFlight, int Waiting, int Dead,
    double LeaseSeconds, int MaxAttempts, int MaxInFlight, JsonElement? Destination, bool Paused, DateTimeOffset? OldestWaitingAt, DateTimeOffset CreatedAt)
{
    public static SubscriptionAnswer Of(SubscriptionStatus status) => new(
        status.Name,
        status.Topic,
        status.Position.ToString(),
        status.LastId.ToString(),
        status.Lag,
        status.InFlight,
        status.Waiting,
        status.Dead,
        status.Lease.TotalSeconds,
        status.MaxAttempts,
        status.MaxInFlight,
        DestinationJson.Answer(status.Destination),
        status.Paused,
        status.OldestWaitingAt,
        status.CreatedAt);
}

internal sealed record SubscriptionsAnswer(IEnumerable<SubscriptionAnswer> Subscriptions);

internal sealed record FetchBody(int? Max, double? WaitSeconds, double? LeaseSeconds);

internal sealed record TokensBody(string[]? Tokens);

internal sealed record NackBody(string[]? Tokens, double? DelaySeconds, string? Reason);

internal sealed record ExtendBody(string[]? Tokens, double? LeaseSeconds);

/// <summary>One of the three.</summary>
/// <param name="After">An id, which is a string everywhere; a number does no harm here.</param>
internal sealed record RewindBody(
    string? To, [property: JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)] long? After, DateTimeOffset? Time);

/// <summary>Without ids: all.</summary>
internal sealed record DeadBody(string[]? Ids);

internal sealed record AckAnswer(int Acknowledged, IEnumerable<string> Lost);

internal sealed record NackAnswer(int Returned, int Dead, IEnumerable<string> Lost);

internal sealed record ExtendAnswer(int Extended, IEnumerable<string> Lost);

internal sealed record ReplayAnswer(int Replayed);

internal sealed record DiscardAnswer(int Discarded);
