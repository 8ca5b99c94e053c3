using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Databus.Sqlite;

/// <summary>Ids, or names, as one parameter: a JSON array for <c>json_each</c>, so that a statement takes any number of them.</summary>
internal static class IdList
{
    public static string Of(IEnumerable<long> ids)
    {
        var json = new StringBuilder("[");
        foreach (var id in ids)
        {
            if (json.Length > 1)
                json.Append(',');
            json.Append(CultureInfo.InvariantCulture, $"{id}");
        }

        return json.Append(']').ToString();
    }

    public static string OfNames(IEnumerable<string> names)
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var name in names)
                writer.WriteStringValue(name);
            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(json.GetBuffer(), 0, (int)json.Length);
    }
}
