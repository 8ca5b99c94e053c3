using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Storage;

namespace Databus.Nodes;

/// <summary>A node's warnings as stores keep them: a JSON array.</summary>
public static class NodeWarnings
{
    public static string ToJson(IReadOnlyList<Warning> warnings) => JsonSerializer.Serialize(warnings, NodeWarningsJson.Default.IReadOnlyListWarning);

    public static IReadOnlyList<Warning> FromJson(string json) => JsonSerializer.Deserialize(json, NodeWarningsJson.Default.IReadOnlyListWarning) ?? [];
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(IReadOnlyList<Warning>))]
internal sealed partial class NodeWarningsJson : JsonSerializerContext;
