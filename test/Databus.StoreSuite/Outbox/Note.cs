using System.Text.Json.Serialization;

namespace Databus.StoreSuite.Outbox;

/// <summary>A message of the tests.</summary>
public sealed record Note(string Text, string? Key = null);

/// <summary>A message of another type.</summary>
public sealed record Parcel(string Text);

/// <summary>A message whose content is in a table of its own, with lines.</summary>
public sealed record Order(long Id, IReadOnlyList<string> Lines);

/// <summary>A message that does not take every content.</summary>
public sealed record Stamp(string Text)
{
    public string Text { get; } = Text == "bad" ? throw new ArgumentException("Such a stamp there is not.", nameof(Text)) : Text;
}

[JsonSerializable(typeof(Note))]
[JsonSerializable(typeof(Parcel))]
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Stamp))]
public sealed partial class NoteJson : JsonSerializerContext;
