using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Outbox;

namespace Databus.Connectors.Tests;

/// <summary>Outbox messages as a sender gets them.</summary>
internal static class Outgoing
{
    public static readonly DateTimeOffset RecordedAt = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    public static OutboxMessage<Parcel> Message(int number, string? json = null, string? trace = null) => new(
        Id(number), "parcel-sent", orderKey: null, new Parcel(number), Encoding.UTF8.GetBytes(json ?? $$"""{"number":{{number}}}"""),
        ParcelJson.Default.Parcel, attempt: 1, RecordedAt, trace);

    public static OutboxMessage<Parcel>[] Messages(int count) => [.. Enumerable.Range(1, count).Select(number => Message(number))];

    public static Guid Id(int number) => new(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);
}

/// <summary>A message.</summary>
internal sealed record Parcel(int Number);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Parcel))]
internal sealed partial class ParcelJson : JsonSerializerContext;
