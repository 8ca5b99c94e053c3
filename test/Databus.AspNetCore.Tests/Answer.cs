using System.Net.Http.Headers;
using System.Text.Json;

namespace Databus.AspNetCore.Tests;

/// <summary>What came back, read to its end.</summary>
internal sealed class Answer
{
    private readonly HttpResponseHeaders _headers;
    private readonly HttpContentHeaders _contentHeaders;

    private Answer(HttpResponseMessage response, string text)
    {
        Status = (int)response.StatusCode;
        Text = text;
        _headers = response.Headers;
        _contentHeaders = response.Content.Headers;
    }

    public int Status { get; }

    public string Text { get; }

    public string? Type => _contentHeaders.ContentType?.MediaType;

    public JsonElement Json => JsonElement.Parse(Text);

    /// <summary>The problem's sentence.</summary>
    public string Error => this["error"];

    /// <summary>A text of the answer's object.</summary>
    public string this[string member] => Json.GetProperty(member).GetString()!;

    public static async Task<Answer> OfAsync(HttpResponseMessage response) => new(response, await response.Content.ReadAsStringAsync());

    public long Number(string member) => Json.GetProperty(member).GetInt64();

    public JsonElement[] List(string member) => [.. Json.GetProperty(member).EnumerateArray()];

    public string? Header(string name) =>
        _headers.TryGetValues(name, out var values) || _contentHeaders.TryGetValues(name, out values) ? string.Join(", ", values) : null;

    /// <summary>It is problem details with everything that belongs to them.</summary>
    public Answer MustBeProblem(int status, string code, string? field = null, long? limit = null)
    {
        Assert.Equal((status, "application/problem+json"), (Status, Type));
        Assert.Equal($"urn:databus:problem:{code}", this["type"]);
        Assert.Equal(status, Number("status"));
        Assert.NotEmpty(this["title"]);
        Assert.NotEmpty(this["detail"]);
        Assert.NotEmpty(this["instance"]);
        Assert.NotEmpty(Error);
        Assert.Equal(field, Json.TryGetProperty("field", out var named) ? named.GetString() : null);
        Assert.Equal(limit, Json.TryGetProperty("limit", out var passed) ? passed.GetInt64() : null);
        return this;
    }
}
