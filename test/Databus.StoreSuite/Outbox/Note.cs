using System.Text.Json.Serialization;

namespace Databus.StoreSuite.Outbox;

/// <summary>A message of the tests.</summary>
public sealed record Note(string Text, string? Key = null);

/// <summary>A message of another type.</summary>
public sealed record Parcel(string Text);

/// <summary>A message whose content is in a table of its own, with lines.</summary>
public sealed record Order(long Id, IReadOnlyList<string> Lines);

[JsonSerializable(typeof(Note))]
[JsonSerializable(typeof(Parcel))]
[JsonSerializable(typeof(Order))]
internal sealed partial class NoteJson : JsonSerializerContext;
