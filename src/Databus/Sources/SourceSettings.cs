namespace Databus.Sources;

/// <summary>What a source's owner decides about it.</summary>
public sealed record SourceSettings(string Name, string Kind, string Topic, Uri Url)
{
    public static readonly TimeSpan DefaultInterval = TimeSpan.FromMinutes(5);
    public static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(5);
    public static readonly TimeSpan LongestInterval = TimeSpan.FromDays(31);

    /// <summary>The time between two polls, 5 s to 31 days. Default 5 minutes. Never less than what the other side asks for.</summary>
    public TimeSpan Interval { get; init; } = DefaultInterval;

    /// <summary>True: not polled until it is false again.</summary>
    public bool Paused { get; init; }
}

/// <summary>A source as an operator sees it, and what the next poll needs.</summary>
/// <param name="State">The kind's own memory, see <see cref="PollResult.State"/>.</param>
/// <param name="NextPollAt">Null: it is not polled any more, because the other side said that it is gone.</param>
/// <param name="LastOutcome">A few words, for example <c>added 3 of 30</c>.</param>
/// <param name="Failures">Failed polls since the last one that went well.</param>
public sealed record SourceStatus(
    SourceSettings Settings,
    string? State,
    DateTimeOffset? NextPollAt,
    DateTimeOffset? LastPolledAt,
    string? LastOutcome,
    string? Error,
    int Failures,
    long ItemsAdded,
    DateTimeOffset CreatedAt)
{
    /// <summary>How often a poll was asked for that no poll has answered yet.</summary>
    public int Asks { get; init; }

    /// <summary>Somebody asked for a poll as soon as possible.</summary>
    public bool IsAskedFor => Asks > 0;

    /// <summary>The job that polls it (<see cref="PollSource"/>), from the enqueuing to its end; null: there is none.</summary>
    public long? PollJobId { get; init; }

    /// <summary>That job runs.</summary>
    public bool IsPolling { get; init; }
}

/// <summary>How a poll ended, as it is kept.</summary>
/// <param name="PolledUrl">The address that was read. A source that has another one meanwhile is left alone: this says nothing about it.</param>
/// <param name="State">Null leaves the last state in place.</param>
/// <param name="MovedTo">Null leaves the address in place.</param>
public sealed record PollRecord(
    Uri PolledUrl,
    DateTimeOffset PolledAt,
    DateTimeOffset? NextPollAt,
    string Outcome,
    string? Error,
    int Failures,
    int ItemsAdded,
    string? State,
    Uri? MovedTo)
{
    /// <summary>
    /// The source as it was before it was read, whose asks this poll answers. One that was polled by somebody else since is left
    /// alone: what a node that was frozen has to say is old. Null: of a source that is listened to, by any number of nodes.
    /// </summary>
    public SourceStatus? Before { get; init; }
}
