using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Databus.Server.CommandLine;

/// <summary>One setting of a destination.</summary>
internal sealed record DestinationMember(string Name, JsonNode? Value)
{
    public const string Kind = "kind";

    /// <summary>An option that takes <c>name=value</c>, or <c>name:=value</c> with the value as JSON, again and again.</summary>
    public static Option<DestinationMember[]> Option(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "name=value",
        CustomParser = result => [.. result.Tokens.Select(token => Parse(result, name, token.Value)).OfType<DestinationMember>()],
    };

    /// <summary>The destination as it is sent.</summary>
    public static JsonObject ToJson(string kind, IEnumerable<DestinationMember> members)
    {
        var destination = new JsonObject { [Kind] = kind };
        foreach (DestinationMember member in members)
            destination[member.Name] = member.Value;
        return destination;
    }

    private static DestinationMember? Parse(ArgumentResult result, string option, string text)
    {
        int end = text.IndexOf('=', StringComparison.Ordinal);
        bool isJson = end > 0 && text[end - 1] == ':';
        string name = end < 0 ? "" : isJson ? text[..(end - 1)] : text[..end];
        if (name is "" or Kind)
        {
            result.AddError($"{option} wants name=value, such as queue=Apartment_ads.");
            return null;
        }
        string value = text[(end + 1)..];
        try
        {
            return new DestinationMember(name, isJson ? JsonNode.Parse(value) : JsonValue.Create(value));
        }
        catch (JsonException)
        {
            result.AddError($"{option} {Printable.Line(name)}:= wants JSON, such as true or 5; for text write {Printable.Line(name)}=.");
            return null;
        }
    }
}
