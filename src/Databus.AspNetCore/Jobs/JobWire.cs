using System.Text.Json;
using System.Text.Json.Nodes;
using Databus.Jobs;

namespace Databus.AspNetCore.Jobs;

/// <summary>A job to be enqueued; what is left out has its default.</summary>
/// <param name="Arguments">Any JSON; left out: an object without members.</param>
/// <param name="After">Jobs that have to end before: ids, or <c>#0</c> for the first one of the same request.</param>
internal sealed record NewJobBody(
    string? Name, JsonElement Arguments, string? Queue, string? Priority, double? DelaySeconds, DateTimeOffset? DueAt, double? ExpiresSeconds,
    int? MaxAttempts, string? UniqueKey, double? UniqueSeconds, double? KeepSeconds, string[]? After, bool? AfterAnyEnd,
    string? LimitKey, int? MaxRunning, int? MaxStarts, double? PerSeconds);

internal sealed record EnqueuedAnswer(string Id, bool Added);

internal sealed record EnqueuedManyAnswer(IEnumerable<EnqueuedAnswer> Jobs);

/// <summary>Which jobs; what is left out does not matter.</summary>
internal sealed record JobFilterBody(
    string[]? Ids, string[]? States, string? Queue, string? Name, string? Q, DateTimeOffset? EnqueuedAfter, DateTimeOffset? EnqueuedBefore,
    double? OlderThanSeconds);

/// <summary>A change to all jobs that a filter matches.</summary>
/// <param name="Before">Where an earlier request stopped.</param>
/// <param name="All">True: no filter is needed.</param>
internal sealed record BulkBody(JobFilterBody? Filter, string? Before, bool? All);

/// <summary>How far it came.</summary>
/// <param name="ScannedTo">Null: done.</param>
internal sealed record BulkJobsAnswer(long Changed, string? ScannedTo);

internal sealed record JobLogAnswer(IEnumerable<JobLogLineAnswer> Lines);

/// <summary>A line of a job's log.</summary>
/// <param name="Level">trace, debug, info, warning, error or critical.</param>
internal sealed record JobLogLineAnswer(DateTimeOffset At, int Attempt, string Level, string Text)
{
    public static JobLogLineAnswer Of(JobLogLine line) => new(line.At, line.Attempt, JobWords.LevelWord(line.Level), line.Text);
}

// The shapes of answers that are written by hand, for the OpenAPI document.

internal sealed record JobAnswer(
    string Id, string Name, string Queue, string Priority, string State, JsonNode Arguments, int Attempt, int MaxAttempts,
    DateTimeOffset EnqueuedAt, DateTimeOffset DueAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Owner, JsonNode? Result, string? Error,
    double? Progress, string? Message, bool CancelRequested);

internal sealed record JobsAnswer(IReadOnlyList<JobAnswer> Jobs, string? ScannedTo);
