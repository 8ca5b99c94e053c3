using System.Text.Json;

namespace Databus.Server.CommandLine.Wire;

internal sealed record Job(
    string Id,
    string Name,
    string Queue,
    string? Priority,
    string State,
    JsonElement? Arguments,
    int Attempt,
    int MaxAttempts,
    DateTimeOffset? EnqueuedAt,
    DateTimeOffset? DueAt,
    DateTimeOffset? StartedAt,
    DateTimeOffset? EndedAt,
    string? Owner,
    JsonElement? Result,
    string? Error,
    double? Progress,
    string? Message,
    bool CancelRequested);

internal sealed record JobList
{
    public required IReadOnlyList<Job> Jobs { get; init; }

    public string? ScannedTo { get; init; }
}

internal sealed record JobLog
{
    public required IReadOnlyList<JobLogLine> Lines { get; init; }
}

internal sealed record JobLogLine(DateTimeOffset? At, int Attempt, string Level, string Text);

/// <summary>How far a change to many jobs came; <paramref name="ScannedTo"/> is null when it is done.</summary>
internal sealed record BulkResult(long Changed, string? ScannedTo);
