using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Databus.Json;

namespace Databus.Topics;

/// <summary>
/// CloudEvents 1.0 in the JSON format. The item is the whole event; source plus id is the key, and the source is the item's
/// source.
/// </summary>
internal static class CloudEvent
{
    private static readonly string[] Required = ["id", "source", "specversion", "type"];

    public static bool TryRead(ReadOnlySpan<byte> json, out NewItem item, [NotNullWhen(false)] out JsonError? error)
    {
        // The whole is judged first: what follows may then rely on it being an object without doubled names.
        item = default;
        if (!ItemContent.TryParse(json, out var content, out error))
            return false;

        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        var reader = new Utf8JsonReader(content.Utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth });
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (Array.IndexOf(Required, name) >= 0 && reader.TokenType == JsonTokenType.String)
                attributes[name] = reader.GetString()!;
            reader.Skip();
        }

        error = Judge(attributes);
        if (error is not null)
            return false;

        // A URI reference has no space, so the pair stays unambiguous.
        var key = $"{attributes["source"]} {attributes["id"]}";
        if (Encoding.UTF8.GetByteCount(key) > KeyPointers.MaxKeyBytes)
        {
            error = JsonError.KeyTooLong;
            return false;
        }

        item = new NewItem(content.Utf8, KeyHash.FromText(key), key, attributes["source"]);
        return true;
    }

    private static JsonError? Judge(Dictionary<string, string> attributes)
    {
        foreach (var name in Required)
        {
            if (!attributes.TryGetValue(name, out var value) || value.Length == 0)
                return Invalid($"A CloudEvent needs {name}, a string that is not empty.");
        }

        return attributes["specversion"] == "1.0"
            ? attributes["source"].Contains(' ', StringComparison.Ordinal) ? Invalid("The source of a CloudEvent is a URI reference; it has no spaces.") : null
            : Invalid("CloudEvents of specversion 1.0 are understood, no others.");
    }

    private static JsonError Invalid(string sentence) => new(JsonErrorKind.InvalidJson, sentence, sentence);
}
