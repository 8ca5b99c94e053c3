using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.Storage;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Topics;

/// <summary>Reads a topic's log, page by page or as it grows.</summary>
internal sealed class ItemRoutes(
    IStore store, TopicLog log, TimeProvider time, IHostApplicationLifetime lifetime, IOptions<DatabusHttpOptions> options)
{
    private const int MaxSearchLength = 200;
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    private int _liveViews;

    public async Task<IResult> ReadAsync(HttpContext context, string topicName)
    {
        if (await store.FindTopicAsync(topicName, context.RequestAborted) is not { } topic)
            return Problem.NotFound("topic", topicName);
        if (!TryReadQuery(context.Request.Query, out var query, out var problem))
            return problem!;
        var page = await store.ReadItemsAsync(topic, query!, context.RequestAborted);
        return new PageResult(page);
    }

    /// <summary>
    /// Server-sent events without end. A reader that comes back with the last id it saw, in the header or as
    /// <c>after</c>, misses nothing and sees nothing twice (P3).
    /// </summary>
    public async Task<IResult> FollowAsync(HttpContext context, string topicName)
    {
        if (await store.FindTopicAsync(topicName, context.RequestAborted) is not { } topic)
            return Problem.NotFound("topic", topicName);
        var (after, problem) = await StartAsync(context, topic);
        if (problem is not null)
            return problem;
        if (Interlocked.Increment(ref _liveViews) > options.Value.MaxLiveViews)
        {
            Interlocked.Decrement(ref _liveViews);
            return Problem.TooMany("live views", options.Value.MaxLiveViews);
        }

        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
            await StreamAsync(context.Response, topic, after, stop);
        }
        catch (OperationCanceledException)
        {
            // The reader left, or Databus stops; the reader will come back.
        }
        finally
        {
            Interlocked.Decrement(ref _liveViews);
        }

        return Results.Empty;
    }

    private async Task<(long After, Problem? Problem)> StartAsync(HttpContext context, Topic topic)
    {
        string? text = context.Request.Headers["Last-Event-ID"];
        text ??= context.Request.Query["after"];
        if (string.IsNullOrEmpty(text))
            return ((await store.ListTopicsAsync(topic.Name, context.RequestAborted)) is [var status] ? status.LastId : 0, null);
        return TryReadId(text, out var after) ? (after, null) : (0, Problem.Invalid("after", "after is an id: a whole number."));
    }

    private async Task StreamAsync(HttpResponse response, Topic topic, long after, CancellationTokenSource stopping)
    {
        var stop = stopping.Token;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-cache, no-transform";
        response.Headers["X-Accel-Buffering"] = "no";
        var body = response.BodyWriter;
        WriteText(body, $"retry: 2000\nid: {after}\n\n");
        await body.FlushAsync(stop);

        await using var batches = log.FollowAsync(topic, after, stop).GetAsyncEnumerator(stop);
        var next = batches.MoveNextAsync().AsTask();
        try
        {
            while (true)
            {
                try
                {
                    if (!await next.WaitAsync(Heartbeat, time, stop))
                        return;
                }
                catch (TimeoutException)
                {
                    WriteText(body, ": nothing new\n\n");
                    await body.FlushAsync(stop);
                    continue;
                }

                await WriteAsync(body, batches.Current, stop);
                next = batches.MoveNextAsync().AsTask();
            }
        }
        finally
        {
            // What reads must have ended before it is disposed of.
            await stopping.CancelAsync();
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task WriteAsync(PipeWriter body, IReadOnlyList<Item> items, CancellationToken stop)
    {
        foreach (var item in items)
        {
            WriteText(body, $"id: {item.Id}\ndata: ");
            using (var json = new Utf8JsonWriter(body))
                ItemJson.Write(json, item);
            WriteText(body, "\n\n");
            if (body.UnflushedBytes > 1 << 16)
                await body.FlushAsync(stop);
        }

        await body.FlushAsync(stop);
    }

    private static void WriteText(IBufferWriter<byte> body, string text) => body.Write(Encoding.UTF8.GetBytes(text));

    private static bool TryReadQuery(IQueryCollection values, out ItemQuery? query, out Problem? problem)
    {
        query = null;
        problem = null;
        long after = 0;
        long? before = null;
        var limit = 100;
        if (values["after"] is [{ Length: > 0 } afterText] && !TryReadId(afterText, out after))
        {
            problem = Problem.Invalid("after", "after is an id: a whole number.");
        }
        else if (values["before"] is [{ Length: > 0 } beforeText])
        {
            if (beforeText == "latest")
                before = long.MaxValue;
            else if (TryReadId(beforeText, out var id))
                before = id;
            else
                problem = Problem.Invalid("before", "before is an id, or latest.");
        }

        if (values["limit"] is [{ Length: > 0 } limitText]
            && (!int.TryParse(limitText, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > ItemQuery.MaxLimit))
        {
            problem = Problem.Invalid("limit", $"limit is a whole number from 1 to {ItemQuery.MaxLimit}.") with { Limit = ItemQuery.MaxLimit };
        }

        string? text = values["q"];
        if (text?.Length > MaxSearchLength)
            problem = Problem.Invalid("q", $"q may have {MaxSearchLength} characters at most.") with { Limit = MaxSearchLength };
        else if (text is not null && text.Any(char.IsControl))
            problem = Problem.Invalid("q", "q has no control characters: in JSON they are escaped.");
        if (problem is null)
            query = new ItemQuery { After = after, Before = before, Limit = limit, Contains = string.IsNullOrEmpty(text) ? null : text };
        return problem is null;
    }

    internal static bool TryReadId(string? text, out long id) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);

    private sealed class PageResult(ItemPage page) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (var item in page.Items)
                ItemJson.Write(json, item);
            json.WriteEndArray();
            json.WriteString("scannedTo", page.ScannedTo?.ToString());
            json.WriteEndObject();
        }
    }
}
