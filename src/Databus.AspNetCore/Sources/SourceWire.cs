using Databus.Sources;

namespace Databus.AspNetCore.Sources;

/// <summary>What may be said about a source. What is left out keeps its value, or the default at the start.</summary>
internal sealed record SourceBody(string? Kind, string? Url, string? Topic, double? IntervalSeconds, bool? Paused);

/// <summary>A source and how its polls went.</summary>
/// <param name="State">waiting, polling, failing, paused or gone; listening, failing or paused where it is listened to.</param>
internal sealed record SourceAnswer(
    string Name, string Kind, string Topic, string Url, double IntervalSeconds, bool Paused, string State,
    DateTimeOffset? LastPolledAt, DateTimeOffset? NextPollAt, string? LastOutcome, string? Error, int Failures,
    long ItemsAdded, DateTimeOffset CreatedAt)
{
    public static SourceAnswer Of(SourceStatus status, bool isListenedTo) => new(
        status.Settings.Name,
        status.Settings.Kind,
        status.Settings.Topic,
        status.Settings.Url.AbsoluteUri,
        status.Settings.Interval.TotalSeconds,
        status.Settings.Paused,
        status switch
        {
            { IsPolling: true } when !isListenedTo => "polling",
            { Settings.Paused: true } => "paused",
            { NextPollAt: null } when !isListenedTo => "gone",
            { Failures: > 0 } => "failing",
            _ => isListenedTo ? "listening" : "waiting",
        },
        status.LastPolledAt,
        status.Settings.Paused || isListenedTo ? null : status.NextPollAt,
        status.LastOutcome,
        status.Error,
        status.Failures,
        status.ItemsAdded,
        status.CreatedAt);
}

internal sealed record SourcesAnswer(IEnumerable<SourceAnswer> Sources);
