using System.Text.Json;
using Databus.AspNetCore.Jobs;
using Databus.Jobs;
using Databus.Schedules;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore.Schedules;

/// <summary>Schedules as JSON: what was said about them, in the same words, and how they are doing.</summary>
internal static class ScheduleAnswers
{
    public static void Write(Utf8JsonWriter json, ScheduleStatus schedule)
    {
        var settings = schedule.Settings;
        json.WriteStartObject();
        json.WriteString("name", settings.Name);
        WriteNumber(json, "everySeconds", settings.Rule.Every?.TotalSeconds);
        json.WriteString("cron", settings.Rule.Cron);
        json.WriteString("zone", settings.Rule.Zone);
        WriteJob(json, settings.Job);
        json.WriteString("catchUp", settings.CatchUp.Word());
        json.WriteNumber("catchUpLimit", settings.CatchUpLimit);
        json.WriteString("overlap", settings.Overlap.Word());
        json.WriteNumber("jitterSeconds", settings.Jitter.TotalSeconds);
        json.WriteBoolean("paused", settings.IsPaused);
        WriteTime(json, "nextAt", settings.IsPaused ? null : schedule.NextAt);
        WriteTime(json, "lastTickAt", schedule.LastTickAt);
        json.WriteString("lastJobId", schedule.LastJobId?.ToString());
        json.WriteString("lastJobState", schedule.LastJobState?.Word());
        json.WriteNumber("ticks", schedule.Ticks);
        json.WriteNumber("skipped", schedule.Skipped);
        json.WriteEndObject();
    }

    private static void WriteJob(Utf8JsonWriter json, NewJob job)
    {
        json.WriteStartObject("job");
        json.WriteString("name", job.Name);
        RawJson.Write(json, "arguments", job.Arguments);
        json.WriteString("queue", job.Queue);
        json.WriteString("priority", job.Priority.Word());
        json.WriteNumber("maxAttempts", job.MaxAttempts);
        WriteNumber(json, "expiresSeconds", job.ExpiresAfter?.TotalSeconds);
        json.WriteNumber("keepSeconds", job.KeepFor.TotalSeconds);
        json.WriteString("limitKey", job.Limit?.Key);
        WriteNumber(json, "maxRunning", job.Limit?.MaxRunning);
        WriteNumber(json, "maxStarts", job.Limit?.MaxStarts);
        WriteNumber(json, "perSeconds", job.Limit is { MaxStarts: > 0 } limit ? limit.Per.TotalSeconds : null);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? number)
    {
        if (number is { } value)
            json.WriteNumber(name, value);
        else
            json.WriteNull(name);
    }

    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset? time) => json.WriteString(name, time is { } value ? TimeConverter.Text(value) : null);

    /// <summary>The answer that is one schedule.</summary>
    internal sealed class One(ScheduleStatus schedule, int status) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            Write(json, schedule);
        }
    }

    /// <summary>The answer that is all of them.</summary>
    internal sealed class All(IReadOnlyList<ScheduleStatus> schedules) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("schedules");
            foreach (var schedule in schedules)
                Write(json, schedule);
            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
