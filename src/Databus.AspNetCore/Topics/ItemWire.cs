using System.Text.Json.Nodes;

namespace Databus.AspNetCore.Topics;

// The shapes of answers that are written by hand, for the OpenAPI document.

internal sealed record AddedAnswer(string Message, string Id, string Topic);

internal sealed record OneDeliveryAnswer(OneDeliveryData? Data, string? Id, string? Token, string? Message);

internal sealed record OneDeliveryData(JsonObject Content);

internal sealed record ItemAnswer(string Id, string Key, JsonObject Content, string? Source, DateTimeOffset AddedAt);

internal sealed record ItemsAnswer(IReadOnlyList<ItemAnswer> Items, string? ScannedTo);

internal sealed record DeliveryAnswer(string Id, JsonObject Content, DateTimeOffset AddedAt, int Attempt, string Token);

internal sealed record DeliveriesAnswer(IReadOnlyList<DeliveryAnswer> Items);

internal sealed record DeadLetterAnswer(string Id, JsonObject Content, DateTimeOffset AddedAt, int Attempts, string Reason, DateTimeOffset DiedAt);

internal sealed record DeadLettersAnswer(IReadOnlyList<DeadLetterAnswer> Dead, string? Next);
