using System.Buffers;
using System.Text;
using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.Destinations;
using Databus.Json;

namespace Databus.AspNetCore.Subscriptions;

/// <summary>Destinations on the wire: one object that names its kind beside the members of that kind.</summary>
internal sealed class DestinationJson(IEnumerable<IDestinationKind> kinds)
{
    private const string KindMember = "kind";
    private const int MaxBytes = 16 << 10;

    private readonly Dictionary<string, IDestinationKind> _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);

    /// <summary>What the body says about the destination: null is a value, and says that there shall be none.</summary>
    /// <returns>Null: nothing, or what is wrong.</returns>
    public DestinationSettings? Read(JsonElement destination, out Problem? problem)
    {
        problem = null;
        if (destination.ValueKind == JsonValueKind.Undefined)
            return null;
        if (destination.ValueKind == JsonValueKind.Null)
            return DestinationSettings.None;
        problem = Judge(destination, out var kind, out var configuration);
        if (problem is not null)
            return null;
        if (kind!.TryRead(configuration, out var settings, out var refusal))
            return settings;
        problem = Problem.Invalid($"destination.{refusal.Field}", refusal.Sentence);
        return null;
    }

    public static JsonElement? Answer(DestinationSettings? destination)
    {
        if (destination is null)
            return null;
        using var configuration = JsonDocument.Parse(destination.Configuration);
        return Written(json =>
        {
            json.WriteString(KindMember, destination.Kind);
            WriteOthers(json, configuration.RootElement);
        });
    }

    private Problem? Judge(JsonElement destination, out IDestinationKind? kind, out JsonElement configuration)
    {
        (kind, configuration) = (null, default);
        if (destination.ValueKind != JsonValueKind.Object)
            return Problem.Invalid("destination", "destination is an object that names its kind, or null for none.");

        // Canonical: no name occurs twice and every string can be read.
        var text = Encoding.UTF8.GetBytes(destination.GetRawText());
        if (text.Length > MaxBytes)
            return Problem.Invalid("destination", $"destination may have {MaxBytes} bytes at most.") with { Limit = MaxBytes };
        if (!CanonicalJson.TryGet(text, out var canonical, out var error))
            return Problem.Invalid("destination", error.Sentence) with { Detail = error.Detail };
        using var document = JsonDocument.Parse(canonical);
        if (!document.RootElement.TryGetProperty(KindMember, out var name) || name.ValueKind != JsonValueKind.String
            || !_kinds.TryGetValue(name.GetString()!, out kind))
        {
            return Problem.Invalid("destination.kind", _kinds.Count == 0
                ? "No kind of destination is installed here."
                : $"The kinds of destination are: {string.Join(", ", _kinds.Keys.Order(StringComparer.Ordinal))}.");
        }

        var root = document.RootElement;
        configuration = Written(json => WriteOthers(json, root));
        return null;
    }

    private static void WriteOthers(Utf8JsonWriter json, JsonElement members)
    {
        foreach (var member in members.EnumerateObject())
        {
            if (!member.NameEquals(KindMember))
                member.WriteTo(json);
        }
    }

    private static JsonElement Written(Action<Utf8JsonWriter> writeMembers)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            writeMembers(json);
            json.WriteEndObject();
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }
}
