using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;
using Databus.Json;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Databus.AspNetCore.Topics;

/// <summary>
/// CloudEvents 1.0 over HTTP. In whatever mode an event comes, its item is the event in the JSON format, so that readers
/// see one form. Source plus id is the key, and the source is the item's source.
/// </summary>
internal static class CloudEvent
{
    private const string HeaderPrefix = "ce-";
    private const string VersionHeader = "ce-specversion";
    private static readonly string[] Required = ["id", "source", "specversion", "type"];

    /// <summary>Binary mode: the attributes are headers, the body is the data.</summary>
    public static bool IsBinary(HttpRequest request) =>
        request.Headers.ContainsKey(VersionHeader)
        && !MediaTypes.Is(request.ContentType, MediaTypes.CloudEvent) && !MediaTypes.Is(request.ContentType, MediaTypes.CloudEvents);

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

    public static bool TryReadBinary(
        HttpRequest request, ReadOnlySpan<byte> data, out NewItem item, [NotNullWhen(false)] out JsonError? error)
    {
        item = default;
        var buffer = new ArrayBufferWriter<byte>(data.Length + 512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            foreach (var (header, value) in request.Headers)
            {
                if (header.StartsWith(HeaderPrefix, StringComparison.OrdinalIgnoreCase))
                    json.WriteString(header[HeaderPrefix.Length..].ToLowerInvariant(), Decode(value));
            }

            error = WriteData(json, request.ContentType, data);
            if (error is not null)
                return false;
            json.WriteEndObject();
        }

        return TryRead(buffer.WrittenSpan, out item, out error);
    }

    private static JsonError? WriteData(Utf8JsonWriter json, string? contentType, ReadOnlySpan<byte> data)
    {
        if (contentType is not null)
            json.WriteString("datacontenttype", contentType);
        if (data.IsEmpty)
            return null;
        if (contentType is null || MediaTypes.IsJson(contentType))
        {
            // Judged here, so that the position in a message is one in the body that was sent.
            if (!CanonicalJson.TryGet(data, out _, out var error))
                return error;
            json.WritePropertyName("data");
            json.WriteRawValue(data, skipInputValidation: true);
        }
        else if (contentType.StartsWith("text/", StringComparison.OrdinalIgnoreCase) && System.Text.Unicode.Utf8.IsValid(data))
        {
            json.WriteString("data", data);
        }
        else
        {
            json.WriteBase64String("data_base64", data);
        }

        return null;
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

    /// <summary>Header values are percent-encoded UTF-8 by the HTTP binding; some senders quote them.</summary>
    private static string Decode(StringValues header)
    {
        var text = header.ToString();
        if (text.Length >= 2 && text[0] == '"' && text[^1] == '"')
            text = text[1..^1].Replace("\\\"", "\"", StringComparison.Ordinal).Replace("\\\\", "\\", StringComparison.Ordinal);
        var decoded = Uri.UnescapeDataString(text);

        // A header may hold what no JSON string can: half a surrogate pair.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(decoded));
    }
}
