using System.Buffers.Text;
using System.Text;
using Databus.AspNetCore.Problems;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Topics;

/// <summary>Appends one JSON object: the short route, and the long one when it gets a single object.</summary>
internal sealed class AddRoute(TopicLog log, IOptions<DatabusHttpOptions> options)
{
    public const string DefaultTopic = "default";

    public async Task<IResult> AddAsync(HttpContext context, string topicName)
    {
        if (!ResourceName.IsValid(topicName))
            return Names.Invalid("topic", topicName);
        if (context.Request.ContentType is { } contentType && !MediaTypes.IsJson(contentType))
            return Problem.MediaType(contentType);

        if (!GivenKey.TryRead(context.Request, out var key, out var badKey))
            return badKey!;

        var limit = options.Value.MaxItemBytes;
        if (await Body.ReadWholeAsync(context, limit) is not { } body)
            return Problem.TooLarge("An item", limit);

        var topic = await log.FindAsync(topicName, context.RequestAborted);
        var (item, error) = Body.Use(context.Request.BodyReader, body, bytes =>
            TopicLog.TryRead(topic, bytes, key, source: null, out var read, out var refused)
                ? (read, (JsonError?)null)
                : (default(NewItem), refused));
        return error is null ? await AppendAsync(topic, item) : Refused(error);
    }

    /// <summary>Not to be cancelled by the request: an item on its way to disk arrives, whoever is still there to be told.</summary>
    public async Task<IResult> AppendAsync(Topic topic, NewItem item)
    {
        var outcomes = await log.AppendAsync(topic, [item], CancellationToken.None);
        return outcomes[0].Added ? new Added(outcomes[0].Id, topic.Name) : Duplicate(outcomes[0].Id);
    }

    public static Problem Refused(JsonError error) =>
        new(400, "content", "Invalid content", error.Sentence)
        {
            Field = error.Kind is JsonErrorKind.KeyMissing or JsonErrorKind.KeyTooLong ? "key" : "body",
            Detail = error.Detail,
            Limit = error.Kind switch
            {
                JsonErrorKind.TooDeep => CanonicalJson.MaxDepth,
                JsonErrorKind.KeyTooLong => KeyPointers.MaxKeyBytes,
                _ => null,
            },
        };

    private static Problem Duplicate(long id) => new(409, "duplicate", "Duplicate", "Duplicate data")
    {
        Detail = $"The topic has this item already, as {id}.",
        Id = id.ToString(),
    };

    /// <summary>Written by hand: it is the answer that is given most often, and nothing in it needs escaping.</summary>
    private sealed class Added(long id, string topic) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            var response = httpContext.Response;
            response.StatusCode = StatusCodes.Status201Created;
            response.ContentType = "application/json";

            Span<byte> body = stackalloc byte[256];
            var length = Append(body, 0, """{"message":"Data added successfully","id":""" + "\"");
            Utf8Formatter.TryFormat(id, body[length..], out var digits);
            length = Append(body, length + digits, "\",\"topic\":\"");
            length = Append(body, length, topic);
            length = Append(body, length, "\"}");

            response.ContentLength = length;
            body[..length].CopyTo(response.BodyWriter.GetSpan(length));
            response.BodyWriter.Advance(length);
            return Task.CompletedTask;
        }

        private static int Append(Span<byte> body, int at, string text) => at + Encoding.ASCII.GetBytes(text, body[at..]);
    }
}
