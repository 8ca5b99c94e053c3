using Databus.Connectors.Http;
using Databus.Sources;
using Microsoft.Extensions.Logging;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Reads RSS, Atom and JSON feeds. An item holds <c>id</c>, <c>title</c>, <c>link</c>, <c>author</c>,
/// <c>published</c>, <c>updated</c>, <c>summary</c>, <c>content</c>, <c>categories</c> and
/// <c>enclosures</c>; members that the feed does not give are left out, except that <c>id</c> and
/// <c>published</c> are always there.
/// </summary>
internal sealed partial class FeedSource(GuardedHttpClient http, TimeProvider time, ILogger<FeedSource> logger)
    : ISourceKind
{
    private const string Accept =
        "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, "
        + "application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.5";

    public string Name => "feed";

    public async Task<PollResult> PollAsync(PollRequest request, CancellationToken cancellationToken)
    {
        var state = FeedState.Read(request.State);
        return await http.GetAsync(request.Url, Accept, state?.Validators, cancellationToken) switch
        {
            FetchAnswer { Status: 200 } answer => ReadDocument(request, answer, cancellationToken),
            FetchAnswer { Status: 304 } answer when state?.Validators is not null => NotModified(state, answer),
            FetchAnswer { Status: 410, Detoured: false } => new PollResult(PollOutcome.Gone)
            {
                Error = "The server answered 410: the feed is gone for good.",
            },
            FetchAnswer answer => Failed(answer),
            FetchFailure failure => new PollResult(PollOutcome.Failed) { Error = failure.Reason },
            var other => throw new InvalidOperationException($"A fetch ended as {other.GetType().Name}."),
        };
    }

    private PollResult ReadDocument(PollRequest request, FetchAnswer answer, CancellationToken cancellationToken)
    {
        FeedDocument feed;
        try
        {
            feed = FeedParser.Parse(
                answer.Body, MediaType.Charset(answer.Header("Content-Type")), answer.Address, cancellationToken);
        }
        catch (FeedException error)
        {
            return new PollResult(PollOutcome.Failed) { Error = error.Message, NotBefore = Politeness.MaxAge(answer) };
        }
        if (feed.Fault is { } fault)
            LogPartial(request.Url, fault);
        return new PollResult(PollOutcome.Read)
        {
            Items = FeedItems.From(feed, time.GetUtcNow()),
            State = FeedState.After(answer, feed).Write(),
            MovedTo = answer.MovedTo,
            NotBefore = Politeness.Longer(Politeness.MaxAge(answer), feed.TimeToLive),
        };
    }

    private static PollResult NotModified(FeedState state, FetchAnswer answer) => new(PollOutcome.NotModified)
    {
        MovedTo = answer.MovedTo,
        NotBefore = Politeness.Longer(Politeness.MaxAge(answer), state.TimeToLive),
    };

    private PollResult Failed(FetchAnswer answer) => new(PollOutcome.Failed)
    {
        Error = $"The server answered {answer.Status}.",
        NotBefore = answer.Status is 429 or 503 ? Politeness.RetryAfter(answer, time.GetUtcNow()) : null,
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The feed {Url} was read only in part. {Fault}")]
    private partial void LogPartial(Uri url, string fault);
}
