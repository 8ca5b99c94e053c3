using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Subscriptions;

/// <summary>Subscriptions, their settings, positions and dead letters.</summary>
internal sealed class SubscriptionRoutes(
    IStore store, Fetcher fetcher, DestinationJson destinations, Dispatcher dispatcher, IOptions<DatabusHttpOptions> options)
{
    private const int MaxDeadPerPage = 1000;

    public async Task<IResult> ListAllAsync(CancellationToken cancellationToken) =>
        Answer(await store.ListSubscriptionsAsync(topic: null, name: null, cancellationToken));

    public async Task<IResult> ListAsync(string topic, CancellationToken cancellationToken) =>
        await store.FindTopicAsync(topic, cancellationToken) is { } found
            ? Answer(await store.ListSubscriptionsAsync(found, name: null, cancellationToken))
            : Problem.NotFound("topic", topic);

    public async Task<IResult> GetAsync(string topic, string subscription, CancellationToken cancellationToken) =>
        await store.FindTopicAsync(topic, cancellationToken) is not { } found
            ? Problem.NotFound("topic", topic)
            : await store.ListSubscriptionsAsync(found, subscription, cancellationToken) is [var status]
                ? Results.Json(SubscriptionAnswer.Of(status), WireContext.Default.SubscriptionAnswer)
                : Problem.NotFound("subscription", subscription);

    public async Task<IResult> PutAsync(HttpContext context, string topic, string subscription)
    {
        if (!ResourceName.IsValid(subscription))
            return Names.Invalid("subscription", subscription);
        if (await store.FindTopicAsync(topic, context.RequestAborted) is not { } found)
            return Problem.NotFound("topic", topic);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.SubscriptionBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (Judge(body) is { } refusal)
            return refusal;
        var destination = destinations.Read(body.Destination, out problem);
        if (problem is not null)
            return problem;

        var settings = new SubscriptionSettings
        {
            Lease = body.LeaseSeconds is { } lease ? TimeSpan.FromSeconds(lease) : null,
            MaxAttempts = body.MaxAttempts,
            MaxInFlight = body.MaxInFlight,
            Destination = destination,
            Paused = body.Paused,
        };
        var start = body.Start == "end" ? SubscriptionStart.End : SubscriptionStart.Beginning;
        var answer = await store.PutSubscriptionAsync(found, subscription, settings, start, context.RequestAborted);
        dispatcher.Changed();
        return answer is { } put
            ? Results.Json(SubscriptionAnswer.Of(put.Status), WireContext.Default.SubscriptionAnswer, statusCode: put.Created ? 201 : 200)
            : Problem.NotFound("topic", topic);
    }

    public async Task<IResult> DeleteAsync(string topic, string subscription, CancellationToken cancellationToken)
    {
        if (await store.FindTopicAsync(topic, cancellationToken) is not { } found)
            return Problem.NotFound("topic", topic);
        var isDeleted = await store.DeleteSubscriptionAsync(found, subscription, cancellationToken);
        dispatcher.Changed();
        return isDeleted ? Results.NoContent() : Problem.NotFound("subscription", subscription);
    }

    public async Task<IResult> RewindAsync(HttpContext context, string topic, string subscription)
    {
        if (await store.FindTopicAsync(topic, context.RequestAborted) is not { } found)
            return Problem.NotFound("topic", topic);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.RewindBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (ReadTarget(body) is not { } target)
            return Problem.Invalid("to", "Say where to: {\"to\":\"beginning\"}, {\"to\":\"end\"}, {\"after\":\"ID\"} or {\"time\":\"RFC 3339\"}.");
        return await fetcher.RewindAsync(found, subscription, target, context.RequestAborted)
            ? await GetAsync(topic, subscription, context.RequestAborted)
            : Problem.NotFound("subscription", subscription);
    }

    public async Task<IResult> ListDeadAsync(HttpContext context, string topic, string subscription)
    {
        if (await FindAsync(topic, subscription, context.RequestAborted) is not { } found)
            return Problem.NotFound("subscription", subscription);
        var query = context.Request.Query;
        long after = 0, limit = 100;
        if (query["after"] is [{ Length: > 0 } afterText] && !ItemRoutes.TryReadId(afterText, out after))
            return Problem.Invalid("after", "after is an id: a whole number.");
        if (query["limit"] is [{ Length: > 0 } limitText] && (!ItemRoutes.TryReadId(limitText, out limit) || limit is < 1 or > MaxDeadPerPage))
            return Problem.Invalid("limit", $"limit is a whole number from 1 to {MaxDeadPerPage}.") with { Limit = MaxDeadPerPage };
        return new DeadPage(await store.ListDeadAsync(found, subscription, after, (int)limit, context.RequestAborted));
    }

    public async Task<IResult> ReplayAsync(HttpContext context, string topic, string subscription)
    {
        var (found, ids, problem) = await ReadDeadBodyAsync(context, topic, subscription);
        return found is null
            ? problem!
            : Results.Json(
                new ReplayAnswer(await fetcher.ReplayDeadAsync(found, subscription, ids, context.RequestAborted)),
                WireContext.Default.ReplayAnswer);
    }

    public async Task<IResult> DiscardAsync(HttpContext context, string topic, string subscription)
    {
        var (found, ids, problem) = await ReadDeadBodyAsync(context, topic, subscription);
        return found is null
            ? problem!
            : Results.Json(
                new DiscardAnswer(await store.DiscardDeadAsync(found, subscription, ids, context.RequestAborted)),
                WireContext.Default.DiscardAnswer);
    }

    private async Task<(Topic? Topic, IReadOnlyList<long>? Ids, Problem? Problem)> ReadDeadBodyAsync(
        HttpContext context, string topic, string subscription)
    {
        if (await FindAsync(topic, subscription, context.RequestAborted) is not { } found)
            return (null, null, Problem.NotFound("subscription", subscription));
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.DeadBody, options.Value.MaxBodyBytes);
        if (body is null)
            return (null, null, problem);
        if (body.Ids is null)
            return (found, null, null);
        var ids = new long[body.Ids.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            if (!ItemRoutes.TryReadId(body.Ids[i], out ids[i]))
                return (null, null, Problem.Invalid("ids", "ids is a list of ids, each a string with a whole number."));
        }

        return (found, ids, null);
    }

    private async ValueTask<Topic?> FindAsync(string topic, string subscription, CancellationToken cancellationToken) =>
        await store.FindTopicAsync(topic, cancellationToken) is { } found && await store.ListSubscriptionsAsync(found, subscription, cancellationToken) is [_] ? found : null;

    private static IResult Answer(IReadOnlyList<SubscriptionStatus> subscriptions) =>
        Results.Json(new SubscriptionsAnswer(subscriptions.Select(SubscriptionAnswer.Of)), WireContext.Default.SubscriptionsAnswer);

    private static RewindTarget? ReadTarget(RewindBody body) => body switch
    {
        { To: "beginning", After: null, Time: null } => RewindTarget.Beginning,
        { To: "end", After: null, Time: null } => RewindTarget.End,
        { To: null, After: >= 0 and var after, Time: null } => RewindTarget.After(after),
        { To: null, After: null, Time: { } time } => RewindTarget.At(time),
        _ => null,
    };

    private static Problem? Judge(SubscriptionBody body)
    {
        if (body.Start is not (null or "beginning" or "end"))
            return Problem.Invalid("start", "start is beginning or end.");
        if (FetchRoutes.JudgeLease(body.LeaseSeconds) is { } lease)
            return lease;
        if (body.MaxAttempts is < 1 or > SubscriptionSettings.LargestMaxAttempts)
            return Problem.Invalid("maxAttempts", $"maxAttempts is from 1 to {SubscriptionSettings.LargestMaxAttempts}.") with { Limit = SubscriptionSettings.LargestMaxAttempts };
        if (body.MaxInFlight is < 1 or > SubscriptionSettings.LargestMaxInFlight)
            return Problem.Invalid("maxInFlight", $"maxInFlight is from 1 to {SubscriptionSettings.LargestMaxInFlight}.") with { Limit = SubscriptionSettings.LargestMaxInFlight };
        return null;
    }

    private sealed class DeadPage(IReadOnlyList<DeadLetter> dead) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("dead");
            foreach (var letter in dead)
            {
                json.WriteStartObject();
                json.WriteString("id", letter.Id.ToString());
                ItemJson.WriteContent(json, letter.Content);
                json.WriteString("addedAt", TimeConverter.Text(letter.AddedAt));
                json.WriteNumber("attempts", letter.Attempts);
                json.WriteString("reason", letter.Reason);
                json.WriteString("diedAt", TimeConverter.Text(letter.DiedAt));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteString("next", dead.Count > 0 ? dead[^1].Id.ToString() : null);
            json.WriteEndObject();
        }
    }
}
