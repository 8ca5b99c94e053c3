using System.Text.Json;

namespace Databus.Server.CommandLine.Wire;

internal sealed record Schedule(
    string Name,
    double? EverySeconds,
    string? Cron,
    string? Zone,
    ScheduledJob Job,
    string? CatchUp,
    int CatchUpLimit,
    string? Overlap,
    double JitterSeconds,
    bool Paused,
    DateTimeOffset? NextAt,
    DateTimeOffset? LastTickAt,
    string? LastJobId,
    string? LastJobState,
    long Ticks,
    long Skipped);

internal sealed record ScheduledJob(string Name, JsonElement? Arguments, string? Queue, string? Priority, int MaxAttempts);

internal sealed record ScheduleList
{
    public required IReadOnlyList<Schedule> Schedules { get; init; }
}

internal sealed record TickList
{
    public required IReadOnlyList<DateTimeOffset> Times { get; init; }
}
