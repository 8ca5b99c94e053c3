using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Jobs;

namespace Databus.Schedules;

/// <summary>A schedule's job as stores keep it: a JSON object. What is the schedule's business or another job's is not in it.</summary>
public static class ScheduleJson
{
    public static string ToJson(NewJob job) => JsonSerializer.Serialize(
        new ScheduledJob(job.Name, Encoding.UTF8.GetString(job.Arguments))
        {
            Queue = job.Queue,
            Priority = job.Priority,
            MaxAttempts = job.MaxAttempts,
            ExpiresAfter = job.ExpiresAfter,
            Limit = job.Limit,
            KeepFor = job.KeepFor,
        },
        ScheduleJsonContext.Default.ScheduledJob);

    public static NewJob FromJson(string json)
    {
        var job = JsonSerializer.Deserialize(json, ScheduleJsonContext.Default.ScheduledJob)!;
        return new NewJob(job.Name, Encoding.UTF8.GetBytes(job.Arguments))
        {
            Queue = job.Queue,
            Priority = job.Priority,
            MaxAttempts = job.MaxAttempts,
            ExpiresAfter = job.ExpiresAfter,
            Limit = job.Limit,
            KeepFor = job.KeepFor,
        };
    }
}

/// <summary>The part of a job that its schedule says.</summary>
/// <param name="Arguments">JSON, as text: byte for byte what was given.</param>
internal sealed record ScheduledJob(string Name, string Arguments)
{
    public required string Queue { get; init; }

    public required JobPriority Priority { get; init; }

    public required int MaxAttempts { get; init; }

    public TimeSpan? ExpiresAfter { get; init; }

    public JobLimit? Limit { get; init; }

    public required TimeSpan KeepFor { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ScheduledJob))]
internal sealed partial class ScheduleJsonContext : JsonSerializerContext;
