using System.Runtime.InteropServices;
using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Json;

namespace Databus.AspNetCore;

/// <summary>Any JSON value, kept as it was sent but for white space, and written as it is kept.</summary>
internal static class RawJson
{
    public static readonly byte[] EmptyObject = "{}"u8.ToArray();

    /// <summary>Judges a value as strictly as the content of an item.</summary>
    /// <param name="field">What to call it in the answer.</param>
    public static byte[]? Read(ReadOnlySpan<byte> utf8, string field, int maxBytes, out Problem? problem)
    {
        var writer = CanonicalJsonWriter.OfThisThread;
        problem = writer.Write(utf8) is { } error ? AddRoute.Refused(error) with { Field = field } : null;
        var value = problem is null ? writer.Compact.ToArray() : null;
        writer.Trim();
        if (value?.Length > maxBytes)
            problem = Problem.TooLarge(field, maxBytes) with { Field = field };
        return problem is null ? value : null;
    }

    /// <summary>As above; null where the member is left out.</summary>
    public static byte[]? Read(JsonElement member, string field, int maxBytes, out Problem? problem)
    {
        problem = null;
        return member.ValueKind == JsonValueKind.Undefined ? null : Read(JsonMarshal.GetRawUtf8Value(member), field, maxBytes, out problem);
    }

    /// <summary>Null: the member is null.</summary>
    public static void Write(Utf8JsonWriter json, string name, byte[]? value)
    {
        json.WritePropertyName(name);
        if (value is null)
            json.WriteNullValue();
        else
            json.WriteRawValue(value, skipInputValidation: true);
    }
}
