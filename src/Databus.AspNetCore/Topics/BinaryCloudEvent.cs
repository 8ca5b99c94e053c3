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
/// The binary mode of CloudEvents 1.0 over HTTP: attributes are headers, the body is the data. In whatever mode an event
/// comes, its item is the event in the JSON format, so that readers see one form.
/// </summary>
internal static class BinaryCloudEvent
{
    private const string HeaderPrefix = "ce-";
    private const string VersionHeader = "ce-specversion";

    public static bool IsSent(HttpRequest request) =>
        request.Headers.ContainsKey(VersionHeader)
        && !MediaTypes.Is(request.ContentType, MediaTypes.CloudEvent) && !MediaTypes.Is(request.ContentType, MediaTypes.CloudEvents);

    public static bool TryRead(
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

        return CloudEvent.TryRead(buffer.WrittenSpan, out item, out error);
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
