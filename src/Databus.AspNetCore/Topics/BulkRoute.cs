using System.Buffers;
using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Topics;

/// <summary>Appends to a topic in every form it is sent: one object, an array, NDJSON, CloudEvents.</summary>
internal sealed class BulkRoute(TopicLog log, AddRoute single, IOptions<DatabusHttpOptions> options)
{
    // How deep an element may be is judged element by element: one that is too deep does not spoil the others.
    private static readonly JsonReaderOptions ArrayOfItems = new() { MaxDepth = int.MaxValue };

    private int MaxItemBytes => options.Value.MaxItemBytes;

    private int MaxBodyBytes => options.Value.MaxBodyBytes;

    public async Task<IResult> AppendAsync(HttpContext context, string topicName)
    {
        var request = context.Request;
        if (!ResourceName.IsValid(topicName))
            return Names.Invalid("topic", topicName);
        if (request.ContentType is { } contentType && MediaTypes.IsNdjson(contentType))
            return await AppendLinesAsync(context, topicName);
        if (BinaryCloudEvent.IsSent(request))
            return await AppendBinaryEventAsync(context, topicName);
        if (MediaTypes.Is(request.ContentType, MediaTypes.CloudEvent))
            return await AppendEventAsync(context, topicName);
        if (MediaTypes.Is(request.ContentType, MediaTypes.CloudEvents))
            return await AppendArrayAsync(context, topicName, ReadEvent);
        if (request.ContentType is { } other && !MediaTypes.IsJson(other))
            return Problem.MediaType(other);
        return await IsArrayAsync(context)
            ? await AppendArrayAsync(context, topicName, static (bulk, json) => bulk.Add(json))
            : await single.AddAsync(context, topicName);
    }

    /// <summary>Looks at the first character, and leaves everything where it is.</summary>
    private static async ValueTask<bool> IsArrayAsync(HttpContext context)
    {
        Body.LiftServerLimit(context);
        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted);
            var first = FirstCharacter(read.Buffer);
            reader.AdvanceTo(read.Buffer.Start, first is null && !read.IsCompleted ? read.Buffer.End : read.Buffer.Start);
            if (first is not null || read.IsCompleted)
                return first == (byte)'[';
        }
    }

    private static byte? FirstCharacter(in ReadOnlySequence<byte> bytes)
    {
        var reader = new SequenceReader<byte>(bytes);
        reader.AdvancePastAny(" \t\r\n"u8);
        return reader.TryPeek(out var first) ? first : null;
    }

    private async Task<IResult> AppendArrayAsync(HttpContext context, string topicName, ReadElement readElement)
    {
        if (await Body.ReadWholeAsync(context, MaxBodyBytes) is not { } body)
            return Problem.TooLarge("A body other than NDJSON", MaxBodyBytes);
        var topic = await log.FindAsync(topicName, context.RequestAborted);
        var bulk = new BulkAppend(log, topic);
        var bytes = Body.Use(context.Request.BodyReader, body, span => span.ToArray());

        // Everything is read before anything is appended: half an array is a mistake and changes nothing.
        List<Range> elements;
        try
        {
            elements = Elements(bytes);
        }
        catch (JsonException error)
        {
            return AddRoute.Refused(JsonError.Syntax(error));
        }

        try
        {
            foreach (var element in elements)
            {
                if (element.End.Value - element.Start.Value > MaxItemBytes)
                    bulk.Refuse($"An item may have {MaxItemBytes} bytes at most.");
                else
                    readElement(bulk, bytes.AsSpan(element));
                if (bulk.IsBatchFull)
                    await bulk.SendBatchAsync(context.RequestAborted);
            }

            return await bulk.FinishAsync(context.RequestAborted);
        }
        catch (StoreException error)
        {
            return ProblemMiddleware.For(error) with { Done = bulk.Counts };
        }
    }

    private static List<Range> Elements(ReadOnlySpan<byte> array)
    {
        var reader = new Utf8JsonReader(array, ArrayOfItems);
        var elements = new List<Range>();
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("An array is expected.");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            elements.Add(start..(int)reader.BytesConsumed);
        }

        // Reads what stands behind the array, which is an error unless it is white space.
        reader.Read();
        return elements;
    }

    private async Task<IResult> AppendLinesAsync(HttpContext context, string topicName)
    {
        Body.LiftServerLimit(context);
        var topic = await log.FindAsync(topicName, context.RequestAborted);
        var bulk = new BulkAppend(log, topic);
        var lines = new LineReader(context.Request.BodyReader, MaxItemBytes);
        try
        {
            while (await lines.ReadAsync(context.RequestAborted))
            {
                lines.ForEach(line => AddLine(bulk, line), () => bulk.IsBatchFull);
                if (bulk.IsBatchFull)
                    await bulk.SendBatchAsync(context.RequestAborted);
            }

            return await bulk.FinishAsync(context.RequestAborted);
        }
        catch (StoreException error)
        {
            lines.Release();
            return ProblemMiddleware.For(error) with { Done = bulk.Counts };
        }
    }

    private void AddLine(BulkAppend bulk, LineReader.Line line)
    {
        if (line.IsTooLong)
            bulk.Refuse($"An item may have {MaxItemBytes} bytes at most.");
        else if (line.Text.IndexOfAnyExcept(" \t\r"u8) < 0)
            bulk.Skip();
        else
            bulk.Add(line.Text);
    }

    private async Task<IResult> AppendEventAsync(HttpContext context, string topicName)
    {
        if (await Body.ReadWholeAsync(context, MaxItemBytes) is not { } body)
            return Problem.TooLarge("An item", MaxItemBytes);
        var topic = await log.FindAsync(topicName, context.RequestAborted);
        var (item, error) = Body.Use(context.Request.BodyReader, body, bytes =>
            CloudEvent.TryRead(bytes, out var read, out var refused) ? (read, (JsonError?)null) : (default(NewItem), refused));
        return error is null ? await single.AppendAsync(topic, item) : AddRoute.Refused(error);
    }

    private async Task<IResult> AppendBinaryEventAsync(HttpContext context, string topicName)
    {
        if (await Body.ReadWholeAsync(context, MaxItemBytes) is not { } body)
            return Problem.TooLarge("An item", MaxItemBytes);
        var topic = await log.FindAsync(topicName, context.RequestAborted);
        var (item, error) = Body.Use(context.Request.BodyReader, body, bytes =>
            BinaryCloudEvent.TryRead(context.Request, bytes, out var read, out var refused) ? (read, (JsonError?)null) : (default(NewItem), refused));
        return error is null ? await single.AppendAsync(topic, item) : AddRoute.Refused(error);
    }

    private static void ReadEvent(BulkAppend bulk, ReadOnlySpan<byte> json)
    {
        if (CloudEvent.TryRead(json, out var item, out var error))
            bulk.Add(item);
        else
            bulk.Refuse(error.Detail);
    }

    private delegate void ReadElement(BulkAppend bulk, ReadOnlySpan<byte> json);
}
