namespace Databus.AspNetCore;

/// <summary>The types of content that are understood.</summary>
internal static class MediaTypes
{
    public const string CloudEvent = "application/cloudevents+json";
    public const string CloudEvents = "application/cloudevents-batch+json";

    public static bool IsJson(string contentType)
    {
        var type = Bare(contentType);
        return type.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || (type.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && type.EndsWith("+json", StringComparison.OrdinalIgnoreCase));
    }

    public static bool IsNdjson(string contentType) =>
        Bare(contentType) is var type
        && (type.Equals("application/x-ndjson", StringComparison.OrdinalIgnoreCase)
            || type.Equals("application/ndjson", StringComparison.OrdinalIgnoreCase)
            || type.Equals("application/jsonl", StringComparison.OrdinalIgnoreCase));

    public static bool Is(string? contentType, string type) =>
        contentType is not null && Bare(contentType).Equals(type, StringComparison.OrdinalIgnoreCase);

    /// <summary>Without parameters such as the charset, which for JSON is always UTF-8.</summary>
    public static ReadOnlySpan<char> Bare(string contentType)
    {
        var end = contentType.IndexOf(';', StringComparison.Ordinal);
        return (end < 0 ? contentType.AsSpan() : contentType.AsSpan(0, end)).Trim();
    }
}
