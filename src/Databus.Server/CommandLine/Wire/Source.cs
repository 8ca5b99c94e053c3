namespace Databus.Server.CommandLine.Wire;

internal sealed record Source(
    string Name,
    string Kind,
    string Topic,
    string Url,
    int IntervalSeconds,
    bool Paused,
    string? State,
    DateTimeOffset? LastPolledAt,
    DateTimeOffset? NextPollAt,
    string? LastOutcome,
    string? Error,
    int Failures,
    long ItemsAdded,
    DateTimeOffset? CreatedAt);

internal sealed record SourceList
{
    public required IReadOnlyList<Source> Sources { get; init; }
}

/// <summary>What a source should be; what is null stays at the server's default.</summary>
internal sealed record SourceSettings(string Kind, string Url, string? Topic, int? IntervalSeconds, bool? Paused);
