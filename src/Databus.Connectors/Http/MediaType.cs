using System.Net.Http.Headers;

namespace Databus.Connectors.Http;

/// <summary>Reads a Content-Type header that may be malformed.</summary>
internal static class MediaType
{
    /// <summary>The charset without quotes, or null.</summary>
    public static string? Charset(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var parsed) ? parsed.CharSet?.Trim('"', '\'') : null;
}
