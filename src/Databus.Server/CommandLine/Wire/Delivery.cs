using System.Text.Json;

namespace Databus.Server.CommandLine.Wire;

internal sealed record FetchRequest(int Max, int WaitSeconds, int? LeaseSeconds);

internal sealed record Delivery(string Id, JsonElement Content, DateTimeOffset? AddedAt, int Attempt, string Token);

internal sealed record DeliveryList
{
    public required IReadOnlyList<Delivery> Items { get; init; }
}

internal sealed record AcknowledgeRequest(IReadOnlyList<string> Tokens);

internal sealed record AcknowledgeResult(int Acknowledged, IReadOnlyList<string>? Lost);
