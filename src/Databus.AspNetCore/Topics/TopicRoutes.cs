using Databus.AspNetCore.Problems;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Topics;

/// <summary>Topics and their settings.</summary>
internal sealed class TopicRoutes(IStore store, IOptions<DatabusHttpOptions> options)
{
    public async Task<IResult> ListAsync(CancellationToken cancellationToken)
    {
        var topics = await store.ListTopicsAsync(name: null, cancellationToken);
        return Results.Json(new TopicsAnswer(topics.Select(TopicAnswer.Of)), WireContext.Default.TopicsAnswer);
    }

    public async Task<IResult> GetAsync(string topic, CancellationToken cancellationToken) =>
        await store.ListTopicsAsync(topic, cancellationToken) is [var status]
            ? Results.Json(TopicAnswer.Of(status), WireContext.Default.TopicAnswer)
            : Problem.NotFound("topic", topic);

    public async Task<IResult> PutAsync(HttpContext context, string topic)
    {
        if (!ResourceName.IsValid(topic))
            return Names.Invalid("topic", topic);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.TopicSettingsBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (Judge(body) is { } refusal)
            return refusal;

        var before = (await store.FindTopicAsync(topic, context.RequestAborted))?.Settings ?? TopicSettings.Default;
        var settings = before with
        {
            KeyPointers = body.KeyPointers ?? before.KeyPointers,
            Window = body.WindowSeconds is { } window ? TimeSpan.FromSeconds(window) : before.Window,
            Retention = !body.HasRetention ? before.Retention : body.RetentionSeconds is { } retention ? TimeSpan.FromSeconds(retention) : null,
        };
        var (put, created) = await store.PutTopicAsync(topic, settings, context.RequestAborted);
        return await store.ListTopicsAsync(put.Name, context.RequestAborted) is [var status]
            ? Results.Json(TopicAnswer.Of(status), WireContext.Default.TopicAnswer, statusCode: created ? 201 : 200)
            : Problem.NotFound("topic", topic);
    }

    public async Task<IResult> DeleteAsync(string topic, CancellationToken cancellationToken) =>
        await store.DeleteTopicAsync(topic, cancellationToken) ? Results.NoContent() : Problem.NotFound("topic", topic);

    private static Problem? Judge(TopicSettingsBody body)
    {
        if (body.KeyPointers is { Length: > 0 } pointers)
        {
            if (Array.Exists(pointers, pointer => pointer is null))
                return Problem.Invalid("keyPointers", "keyPointers is a list of JSON pointers, such as \"/ad_id\".");
            if (!KeyPointers.TryParse(pointers, out _, out var error))
                return Problem.Invalid("keyPointers", $"{error}.");
        }

        return JudgeTime("windowSeconds", body.WindowSeconds) ?? JudgeTime("retentionSeconds", body.RetentionSeconds);
    }

    private static Problem? JudgeTime(string field, double? seconds) =>
        seconds is null || (seconds >= 1 && seconds <= TopicSettings.LongestTime.TotalSeconds)
            ? null
            : Problem.Invalid(field, $"{field} is from 1 to {TopicSettings.LongestTime.TotalSeconds} seconds.") with
            {
                Limit = (long)TopicSettings.LongestTime.TotalSeconds,
            };
}
