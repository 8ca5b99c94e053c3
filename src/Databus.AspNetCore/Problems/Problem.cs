using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Net.Http.Headers;

namespace Databus.AspNetCore.Problems;

/// <summary>
/// An answer that says what went wrong: problem details of RFC 9457, with the plain sentence once more as
/// <c>error</c>, which is what clients of the two short routes read.
/// </summary>
/// <param name="Code">What kind of problem it is, for programs; the last part of the problem's type.</param>
/// <param name="Error">One sentence for people.</param>
internal sealed record Problem(int Status, string Code, string Title, string Error) : IResult
{
    /// <summary>The member, header or parameter that is wrong.</summary>
    public string? Field { get; init; }

    /// <summary>The limit that was passed.</summary>
    public long? Limit { get; init; }

    /// <summary>More than the sentence, where there is more to say.</summary>
    public string? Detail { get; init; }

    /// <summary>After how many seconds it is worth trying again.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The item that is there already.</summary>
    public string? Id { get; init; }

    /// <summary>What a request of many items had done before it had to stop.</summary>
    public BulkCounts? Done { get; init; }

    public static Problem Invalid(string field, string error) => new(400, "invalid", "Invalid request", error) { Field = field };

    public static Problem NotFound(string what, string name) => new(404, "not-found", "Not found", $"There is no {what} {name}.");

    public static Problem TooLarge(string what, long limit) =>
        new(413, "too-large", "Too large", $"{what} may have {limit} bytes at most.") { Field = "body", Limit = limit };

    public static Problem MediaType(string? got) => new(
        415, "media-type", "Unsupported media type",
        $"Send the content as application/json or application/x-ndjson, not as {(string.IsNullOrEmpty(got) ? "an unnamed type" : got)}.")
    {
        Field = "Content-Type",
    };

    public static Problem TooMany(string what, int limit) =>
        new(429, "too-many", "Too many requests", $"{limit} {what} are open already.") { Limit = limit, RetryAfter = 5 };

    public async Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.ContentType = "application/problem+json";
        response.Headers[HeaderNames.CacheControl] = "no-store";
        if (RetryAfter is { } seconds)
            response.Headers.RetryAfter = seconds.ToString();

        await using var json = new Utf8JsonWriter(response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("type", $"urn:databus:problem:{Code}");
        json.WriteString("title", Title);
        json.WriteNumber("status", Status);
        json.WriteString("detail", Detail ?? Error);
        json.WriteString("instance", httpContext.Request.Path.Value);
        json.WriteString("error", Error);
        if (Field is not null)
            json.WriteString("field", Field);
        if (Limit is { } limit)
            json.WriteNumber("limit", limit);
        if (Id is not null)
            json.WriteString("id", Id);
        if (Done is { } done)
        {
            json.WriteNumber("added", done.Added);
            json.WriteNumber("duplicates", done.Duplicates);
            json.WriteNumber("invalid", done.Invalid);
            json.WriteNumber("lines", done.Lines);
        }

        json.WriteEndObject();
    }
}
