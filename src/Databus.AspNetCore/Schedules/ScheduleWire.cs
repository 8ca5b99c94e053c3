using System.Text.Json;
using System.Text.Json.Nodes;
using Databus.AspNetCore.Jobs;

namespace Databus.AspNetCore.Schedules;

/// <summary>What may be said about a schedule. What is left out keeps its value, or the default at the start.</summary>
/// <param name="EverySeconds">This, or <paramref name="Cron"/>: naming one of them takes the other's place.</param>
/// <param name="Job">As a whole.</param>
/// <param name="CatchUp">none, latest or all.</param>
/// <param name="Overlap">skip, queue, cancelOld or allow.</param>
internal sealed record ScheduleBody(
    double? EverySeconds, string? Cron, string? Zone, ScheduledJobBody? Job, string? CatchUp, int? CatchUpLimit, string? Overlap, double? JitterSeconds,
    bool? Paused);

/// <summary>The job that a schedule enqueues; what is left out has its default.</summary>
internal sealed record ScheduledJobBody(
    string? Name, JsonElement Arguments, string? Queue, string? Priority, int? MaxAttempts, double? ExpiresSeconds, double? KeepSeconds,
    string? LimitKey, int? MaxRunning, int? MaxStarts, double? PerSeconds)
{
    /// <summary>The same as a job to be enqueued by itself.</summary>
    public NewJobBody ToNewJob() => new(
        Name, Arguments, Queue, Priority, DelaySeconds: null, DueAt: null, ExpiresSeconds, MaxAttempts, UniqueKey: null, UniqueSeconds: null, KeepSeconds,
        After: null, AfterAnyEnd: null, LimitKey, MaxRunning, MaxStarts, PerSeconds);
}

/// <summary>A rule that is tried out.</summary>
internal sealed record PreviewBody(double? EverySeconds, string? Cron, string? Zone, int? Count);

internal sealed record PreviewAnswer(IEnumerable<DateTimeOffset> Times);

// The shapes of answers that are written by hand, for the OpenAPI document.

internal sealed record ScheduledJobAnswer(
    string Name, JsonNode Arguments, string Queue, string Priority, int MaxAttempts, double? ExpiresSeconds, double KeepSeconds,
    string? LimitKey, int? MaxRunning, int? MaxStarts, double? PerSeconds);

internal sealed record ScheduleAnswer(
    string Name, double? EverySeconds, string? Cron, string Zone, ScheduledJobAnswer Job, string CatchUp, int CatchUpLimit, string Overlap, double JitterSeconds,
    bool Paused, DateTimeOffset? NextAt, DateTimeOffset? LastTickAt, string? LastJobId, string? LastJobState, long Ticks, long Skipped);

internal sealed record SchedulesAnswer(IReadOnlyList<ScheduleAnswer> Schedules);
