using System.Text.Json;
using Databus.Json;
using Databus.Topics;

namespace Databus.AspNetCore.Topics;

/// <summary>Items as JSON. The content is written as it is stored: it was judged when it came.</summary>
internal static class ItemJson
{
    public static void Write(Utf8JsonWriter json, Item item)
    {
        json.WriteStartObject();
        json.WriteString("id", item.Id.ToString());
        json.WriteString("key", item.Key ?? DigestOf(item.Content));
        WriteContent(json, item.Content);
        json.WriteString("source", item.Source);
        json.WriteString("addedAt", TimeConverter.Text(item.AddedAt));
        json.WriteEndObject();
    }

    public static void WriteContent(Utf8JsonWriter json, byte[] content)
    {
        json.WritePropertyName("content");
        json.WriteRawValue(content, skipInputValidation: true);
    }

    private static string DigestOf(byte[] content) =>
        ItemContent.TryParse(content, out var parsed, out _) ? parsed.Digest.ToString() : "";
}
