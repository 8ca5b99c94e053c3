using System.Globalization;
using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Subscriptions;

/// <summary>Takes deliveries, and ends, returns or extends them.</summary>
internal sealed class FetchRoutes(
    IStore store, TopicLog log, Fetcher fetcher, WaitingRequests waiting, IOptions<DatabusHttpOptions> options)
{
    public const string DefaultSubscription = "default";
    private const int MaxItems = 1000;
    private const int MaxTokens = 10_000;
    private const int MaxReasonLength = 1000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(7);

    /// <summary>
    /// The short route: takes one, and acknowledges it at once unless a lease is asked for. An answer that is lost on its
    /// way is then lost with its item, which is why the lease is there.
    /// </summary>
    public async Task<IResult> FetchOneAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var topicName = query["topic"] is [{ Length: > 0 } givenTopic] ? givenTopic : AddRoute.DefaultTopic;
        var subscription = query["subscription"] is [{ Length: > 0 } givenName] ? givenName : DefaultSubscription;
        if (!ResourceName.IsValid(topicName))
            return Names.Invalid("topic", topicName);
        if (!ResourceName.IsValid(subscription))
            return Names.Invalid("subscription", subscription);

        var lease = TimeSpan.Zero;
        if (query["lease"] is [{ Length: > 0 } leaseText])
        {
            var seconds = double.TryParse(leaseText, NumberStyles.Float, CultureInfo.InvariantCulture, out var parsed) ? parsed : double.NaN;
            if (JudgeLease(seconds) is { } refusal)
                return refusal with { Field = "lease" };
            lease = TimeSpan.FromSeconds(seconds);
        }

        // A reader may be there before the first item is.
        var topic = await log.GetOrCreateAsync(topicName, context.RequestAborted);
        var deliveries = await fetcher.FetchAsync(topic, subscription, max: 1, lease, wait: TimeSpan.Zero, context.RequestAborted);
        return deliveries is null ? Pushes(subscription) : new OneDelivery(deliveries.Count > 0 ? deliveries[0] : null);
    }

    public async Task<IResult> FetchAsync(HttpContext context, string topicName, string subscription)
    {
        if (!ResourceName.IsValid(topicName))
            return Names.Invalid("topic", topicName);
        if (!ResourceName.IsValid(subscription))
            return Names.Invalid("subscription", subscription);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.FetchBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (body.Max is < 1 or > MaxItems)
            return Problem.Invalid("max", $"max is from 1 to {MaxItems}.") with { Limit = MaxItems };
        if (body.WaitSeconds is { } wait && !(wait >= 0 && wait <= LongestWait.TotalSeconds))
            return Problem.Invalid("waitSeconds", $"waitSeconds is from 0 to {LongestWait.TotalSeconds}.") with { Limit = (long)LongestWait.TotalSeconds };
        if (JudgeLease(body.LeaseSeconds) is { } refusal)
            return refusal;

        TimeSpan? lease = body.LeaseSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null;
        var topic = await log.GetOrCreateAsync(topicName, context.RequestAborted);
        return body.WaitSeconds is > 0
            ? await waiting.RunAsync(
                context,
                async stop => Answer(subscription, await fetcher.FetchAsync(topic, subscription, body.Max ?? 1, lease, TimeSpan.FromSeconds(body.WaitSeconds.Value), stop)),
                stopped: () => Task.FromResult<IResult>(new Deliveries([])))
            : Answer(subscription, await fetcher.FetchAsync(topic, subscription, body.Max ?? 1, lease, TimeSpan.Zero, context.RequestAborted));
    }

    public async Task<IResult> AcknowledgeAsync(HttpContext context, string topicName, string subscription)
    {
        var (topic, body, problem) = await ReadAsync(context, topicName, WireContext.Default.TokensBody);
        if (topic is null)
            return problem!;
        if (!TryReadTokens(body!.Tokens, out var tokens, out var unknown, out problem))
            return problem!;
        var lost = await fetcher.AcknowledgeAsync(topic, subscription, tokens, CancellationToken.None);
        return Results.Json(new AckAnswer(tokens.Count - lost.Count, Texts(lost, unknown)), WireContext.Default.AckAnswer);
    }

    public async Task<IResult> NegativeAcknowledgeAsync(HttpContext context, string topicName, string subscription)
    {
        var (topic, body, problem) = await ReadAsync(context, topicName, WireContext.Default.NackBody);
        if (topic is null)
            return problem!;
        if (!TryReadTokens(body!.Tokens, out var tokens, out var unknown, out problem))
            return problem!;
        var delay = body.DelaySeconds ?? 0;
        if (!(delay >= 0 && delay <= LongestDelay.TotalSeconds))
            return Problem.Invalid("delaySeconds", $"delaySeconds is from 0 to {LongestDelay.TotalSeconds}.") with { Limit = (long)LongestDelay.TotalSeconds };
        if (body.Reason?.Length > MaxReasonLength)
            return Problem.Invalid("reason", $"reason may have {MaxReasonLength} characters at most.") with { Limit = MaxReasonLength };
        var reason = string.IsNullOrWhiteSpace(body.Reason) ? null : body.Reason;
        var result = await fetcher.NegativeAcknowledgeAsync(
            topic, subscription, [.. tokens.Select(token => new NegativeAcknowledgement(token, TimeSpan.FromSeconds(delay), reason))], CancellationToken.None);
        return Results.Json(new NackAnswer(result.Returned, result.Dead, Texts(result.Lost, unknown)), WireContext.Default.NackAnswer);
    }

    public async Task<IResult> ExtendAsync(HttpContext context, string topicName, string subscription)
    {
        var (topic, body, problem) = await ReadAsync(context, topicName, WireContext.Default.ExtendBody);
        if (topic is null)
            return problem!;
        if (!TryReadTokens(body!.Tokens, out var tokens, out var unknown, out problem))
            return problem!;
        if (JudgeLease(body.LeaseSeconds) is { } refusal)
            return refusal;
        var lease = body.LeaseSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : SubscriptionSettings.DefaultLease;
        var lost = await fetcher.ExtendAsync(topic, subscription, tokens, lease, CancellationToken.None);
        return Results.Json(new ExtendAnswer(tokens.Count - lost.Count, Texts(lost, unknown)), WireContext.Default.ExtendAnswer);
    }

    internal static Problem? JudgeLease(double? seconds) =>
        seconds is null || (seconds >= 1 && seconds <= SubscriptionSettings.LongestLease.TotalSeconds)
            ? null
            : Problem.Invalid("leaseSeconds", $"A lease is from 1 to {SubscriptionSettings.LongestLease.TotalSeconds} seconds.") with
            {
                Limit = (long)SubscriptionSettings.LongestLease.TotalSeconds,
            };

    private static IResult Answer(string subscription, IReadOnlyList<Delivery>? deliveries) =>
        deliveries is null ? Pushes(subscription) : new Deliveries(deliveries);

    private static Problem Pushes(string subscription) => new(
        409, "pushes", "Subscription pushes",
        $"The subscription {subscription} pushes its items to its destination. Use another subscription to fetch them; or pause this one, or remove its destination.");

    private async Task<(Topic? Topic, T? Body, Problem? Problem)> ReadAsync<T>(
        HttpContext context, string topicName, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
        where T : class
    {
        if (await store.FindTopicAsync(topicName, context.RequestAborted) is not { } topic)
            return (null, null, Problem.NotFound("topic", topicName));
        var (body, problem) = await Body.ReadJsonAsync(context, type, options.Value.MaxBodyBytes);
        return body is null ? (null, null, problem) : (topic, body, null);
    }

    /// <summary>A token that cannot be one of ours is lost like any other that is not current.</summary>
    internal static bool TryReadTokens(string[]? texts, out List<LeaseToken> tokens, out List<string> unknown, out Problem? problem)
    {
        tokens = [];
        unknown = [];
        problem = texts switch
        {
            null => Problem.Invalid("tokens", "tokens is needed: a list of the tokens that came with what was handed out."),
            { Length: > MaxTokens } => Problem.Invalid("tokens", $"{MaxTokens} tokens at most in one request.") with { Limit = MaxTokens },
            _ => null,
        };
        foreach (var text in problem is null ? texts! : [])
        {
            if (LeaseToken.TryParse(text, out var token))
                tokens.Add(token);
            else
                unknown.Add(text ?? "");
        }

        return problem is null;
    }

    internal static IEnumerable<string> Texts(IReadOnlyList<LeaseToken> lost, List<string> unknown) =>
        lost.Select(token => token.ToString()).Concat(unknown);

    private sealed class Deliveries(IReadOnlyList<Delivery> deliveries) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("items");
            foreach (var delivery in deliveries)
            {
                json.WriteStartObject();
                json.WriteString("id", delivery.Id.ToString());
                ItemJson.WriteContent(json, delivery.Content);
                json.WriteString("addedAt", TimeConverter.Text(delivery.AddedAt));
                json.WriteNumber("attempt", delivery.Attempt);
                json.WriteString("token", delivery.Token?.ToString());
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }
    }

    private sealed class OneDelivery(Delivery? delivery) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            if (delivery is null)
            {
                json.WriteString("message", "No data available");
            }
            else
            {
                json.WriteStartObject("data");
                ItemJson.WriteContent(json, delivery.Content);
                json.WriteEndObject();
                json.WriteString("id", delivery.Id.ToString());
                if (delivery.Token is { } token)
                    json.WriteString("token", token.ToString());
            }

            json.WriteEndObject();
        }
    }
}
