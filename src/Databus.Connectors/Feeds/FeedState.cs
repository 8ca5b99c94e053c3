using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Connectors.Http;

namespace Databus.Connectors.Feeds;

/// <summary>What a feed remembers from one poll to the next.</summary>
/// <param name="Url">The address that gave the validators, after redirects.</param>
/// <param name="TimeToLiveSeconds">What the document said, since a 304 brings no document.</param>
internal sealed record FeedState(string Url, string? ETag, string? LastModified, long? TimeToLiveSeconds)
{
    // No real validator is longer; a longer one is not worth keeping.
    private const int LongestValidator = 1024;

    public Validators? Validators =>
        (ETag is not null || LastModified is not null) && Uri.TryCreate(Url, UriKind.Absolute, out var address)
            ? new Validators(address, ETag, LastModified)
            : null;

    public TimeSpan? TimeToLive =>
        TimeToLiveSeconds is >= 0 and < int.MaxValue ? TimeSpan.FromSeconds(TimeToLiveSeconds.Value) : null;

    /// <summary>Null for a first poll, and for a state that another version wrote and this one cannot read.</summary>
    public static FeedState? Read(string? state)
    {
        if (state is null)
            return null;
        try
        {
            return JsonSerializer.Deserialize(state, FeedStateJson.Default.FeedState);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static FeedState After(FetchAnswer answer, FeedDocument feed)
    {
        // What was read only in part has to be read again, whole, once it is mended.
        var isWhole = feed.Fault is null;
        return new FeedState(
            answer.Address.AbsoluteUri,
            isWhole ? Keep(answer.Header("ETag")) : null,
            isWhole ? Keep(answer.Header("Last-Modified")) : null,
            (long?)feed.TimeToLive?.TotalSeconds);
    }

    public string Write() => JsonSerializer.Serialize(this, FeedStateJson.Default.FeedState);

    private static string? Keep(string? validator) =>
        validator is { Length: > 0 and <= LongestValidator } ? validator : null;
}

[JsonSerializable(typeof(FeedState))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
internal sealed partial class FeedStateJson : JsonSerializerContext;
