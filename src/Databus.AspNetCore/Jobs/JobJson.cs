using System.Text.Json;
using Databus.Jobs;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore.Jobs;

/// <summary>Jobs as JSON. Arguments and results are written as they are stored: they were judged when they came.</summary>
internal static class JobJson
{
    public static void Write(Utf8JsonWriter json, JobStatus job)
    {
        json.WriteStartObject();
        json.WriteString("id", job.Id.ToString());
        json.WriteString("name", job.Name);
        json.WriteString("queue", job.Queue);
        json.WriteString("priority", job.Priority.Word());
        json.WriteString("state", job.State.Word());
        RawJson.Write(json, "arguments", job.Arguments);
        json.WriteNumber("attempt", job.Attempt);
        json.WriteNumber("maxAttempts", job.MaxAttempts);
        json.WriteString("enqueuedAt", TimeConverter.Text(job.EnqueuedAt));
        json.WriteString("dueAt", TimeConverter.Text(job.DueAt));
        json.WriteString("startedAt", TimeOf(job.StartedAt));
        json.WriteString("endedAt", TimeOf(job.EndedAt));
        json.WriteString("owner", job.Owner);
        RawJson.Write(json, "result", job.Result);
        json.WriteString("error", job.Error);
        if (job.Progress is { } progress)
            json.WriteNumber("progress", progress);
        else
            json.WriteNull("progress");
        json.WriteString("message", job.Message);
        json.WriteBoolean("cancelRequested", job.IsCancelRequested);
        json.WriteEndObject();
    }

    private static string? TimeOf(DateTimeOffset? time) => time is { } given ? TimeConverter.Text(given) : null;

    /// <summary>The answer that is one job.</summary>
    internal sealed class Result(JobStatus job, int status) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = status;
            response.ContentType = "application/json";
            if (status == StatusCodes.Status202Accepted)
                response.Headers.Location = $"/api/v1/jobs/{job.Id}";
            await using var json = new Utf8JsonWriter(response.BodyWriter);
            Write(json, job);
        }
    }

    /// <summary>The answer that is a page of jobs.</summary>
    internal sealed class Page(JobPage page) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("jobs");
            foreach (var job in page.Jobs)
                Write(json, job);
            json.WriteEndArray();
            json.WriteString("scannedTo", page.ScannedTo?.ToString());
            json.WriteEndObject();
        }
    }
}
