using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Databus.AspNetCore.Problems;
using Databus.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Databus.AspNetCore;

/// <summary>Reads the body of a request, within limits.</summary>
internal static class Body
{
    /// <summary>
    /// Waits until the whole body is there, in the server's own buffers. The caller advances the reader when it is done
    /// with it. Null: it is larger than the limit.
    /// </summary>
    public static async ValueTask<ReadOnlySequence<byte>?> ReadWholeAsync(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit)
            return null;
        LiftServerLimit(context);

        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            if (read.Buffer.Length > limit)
            {
                reader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
                return read.Buffer;
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>
    /// To be called before the first read, by whoever counts the bytes. The server would count the framing of chunks too,
    /// and answer without saying what the limit is.
    /// </summary>
    public static void LiftServerLimit(HttpContext context)
    {
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
    }

    /// <summary>Does something with the whole body, without copying it where it lies in one piece.</summary>
    public static T Use<T>(PipeReader reader, in ReadOnlySequence<byte> body, Func<ReadOnlySpan<byte>, T> use)
    {
        try
        {
            if (body.IsSingleSegment)
                return use(body.FirstSpan);
            var rented = ArrayPool<byte>.Shared.Rent((int)body.Length);
            try
            {
                body.CopyTo(rented);
                return use(rented.AsSpan(0, (int)body.Length));
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
        finally
        {
            reader.AdvanceTo(body.End);
        }
    }

    /// <summary>A small JSON object of ours. An empty body is an object without members.</summary>
    public static async ValueTask<(T? Value, Problem? Problem)> ReadJsonAsync<T>(HttpContext context, JsonTypeInfo<T> type, int limit)
        where T : class
    {
        if (context.Request.ContentType is { } contentType && !MediaTypes.IsJson(contentType))
            return (null, Problem.MediaType(contentType));
        if (await ReadWholeAsync(context, limit) is not { } body)
            return (null, Problem.TooLarge("The body", limit));
        return Use(context.Request.BodyReader, body, bytes =>
        {
            try
            {
                var value = JsonSerializer.Deserialize(bytes.IsEmpty ? "{}"u8 : bytes, type);
                return value is null
                    ? (null, Problem.Invalid("body", "JSON object expected, got null"))
                    : ((T?)value, (Problem?)null);
            }
            catch (JsonException error)
            {
                return (null, Refused(error, type));
            }
        });
    }

    /// <summary>An array of small JSON objects of ours. In a refusal a member is named with its object's place: <c>[3].name</c>.</summary>
    public static async ValueTask<(IReadOnlyList<T>? Values, Problem? Problem)> ReadJsonArrayAsync<T>(HttpContext context, JsonTypeInfo<T> type, int most, int limit)
        where T : class
    {
        if (context.Request.ContentType is { } contentType && !MediaTypes.IsJson(contentType))
            return (null, Problem.MediaType(contentType));
        if (await ReadWholeAsync(context, limit) is not { } body)
            return (null, Problem.TooLarge("The body", limit));
        return Use(context.Request.BodyReader, body, bytes => ReadArray(bytes, type, most));
    }

    private static (IReadOnlyList<T>? Values, Problem? Problem) ReadArray<T>(ReadOnlySpan<byte> bytes, JsonTypeInfo<T> type, int most)
        where T : class
    {
        var values = new List<T>();
        var at = "";
        try
        {
            var reader = new Utf8JsonReader(bytes);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
                return (null, Problem.Invalid("body", "A JSON array of objects is expected."));
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            {
                at = $"[{values.Count}]";
                if (reader.TokenType != JsonTokenType.StartObject)
                    return (null, Problem.Invalid(at, "A JSON array of objects is expected."));
                if (values.Count == most)
                    return (null, Problem.Invalid("body", $"The body may have {most} objects at most.") with { Limit = most });
                values.Add(JsonSerializer.Deserialize(ref reader, type)!);
            }

            // What stands behind the array is an error of the reader's.
            while (reader.Read())
            {
            }

            return (values, null);
        }
        catch (JsonException error) when (error is { Path: null, InnerException: null })
        {
            return (null, Problem.Invalid("body", "Invalid JSON format") with { Detail = JsonError.Syntax(error).Detail });
        }
        catch (JsonException error)
        {
            var refusal = Refused(error, type);
            return (null, refusal.Field == "body" ? refusal : refusal with { Field = $"{at}.{refusal.Field}" });
        }
    }

    /// <summary>In words of ours: the serializer's speak of .NET types.</summary>
    private static Problem Refused(JsonException error, JsonTypeInfo type)
    {
        // The serializer wraps what the reader finds wrong with the text itself.
        if (error is { InnerException: JsonException syntax })
            return Problem.Invalid("body", "Invalid JSON format") with { Detail = JsonError.Syntax(syntax).Detail };
        if (error.Path is not { Length: > 2 } path)
            return Problem.Invalid("body", "A JSON object is expected, with members of the right type.");

        // $.name, $.name[0] or $['odd name']
        var field = path[1] == '.' ? path[2..] : path[1..].Trim('[', ']', '\'');
        var end = field.AsSpan().IndexOfAny('.', '[');
        var name = JsonError.Quoted(path[1] == '.' && end > 0 ? field.AsSpan(0, end) : field);
        return type.Properties.Any(property => property.Name == name && property.Get is not null)
            ? Problem.Invalid(name, $"The value of {name} is of the wrong type or form.")
            : Problem.Invalid(name, $"There is no member {name}; there are {string.Join(", ", type.Properties.Where(property => property.Get is not null).Select(property => property.Name))}.");
    }
}
