using Databus.AspNetCore.Problems;
using Databus.Sources;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Sources;

/// <summary>Sources and how their polls went.</summary>
internal sealed class SourceRoutes(IStore store, SourcePoller poller, IOptions<DatabusHttpOptions> options)
{
    private const int MaxUrlLength = 2000;

    public async Task<IResult> ListAsync(CancellationToken cancellationToken)
    {
        var sources = await store.ListSourcesAsync(name: null, cancellationToken);
        return Results.Json(new SourcesAnswer(sources.Select(Answer)), WireContext.Default.SourcesAnswer);
    }

    public async Task<IResult> GetAsync(string source, CancellationToken cancellationToken) =>
        await FindAsync(source, cancellationToken) is { } status
            ? Results.Json(Answer(status), WireContext.Default.SourceAnswer)
            : Problem.NotFound("source", source);

    public async Task<IResult> PutAsync(HttpContext context, string source)
    {
        if (!ResourceName.IsValid(source))
            return Names.Invalid("source", source);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.SourceBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;

        var before = (await FindAsync(source, context.RequestAborted))?.Settings;
        if (Judge(body, before) is { } refusal)
            return refusal;
        var settings = new SourceSettings(
            source,
            body.Kind ?? before?.Kind ?? poller.Kinds.First(),
            body.Topic ?? before?.Topic ?? source,
            body.Url is null ? before!.Url : new Uri(body.Url))
        {
            Interval = body.IntervalSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : before?.Interval ?? SourceSettings.DefaultInterval,
            Paused = body.Paused ?? before?.Paused ?? false,
        };
        var created = await store.PutSourceAsync(settings, context.RequestAborted);
        poller.Changed();
        return await FindAsync(source, context.RequestAborted) is { } status
            ? Results.Json(Answer(status), WireContext.Default.SourceAnswer, statusCode: created ? 201 : 200)
            : Problem.NotFound("source", source);
    }

    public async Task<IResult> DeleteAsync(string source, CancellationToken cancellationToken) =>
        await store.DeleteSourceAsync(source, cancellationToken) ? Results.NoContent() : Problem.NotFound("source", source);

    public async Task<IResult> PollAsync(string source, CancellationToken cancellationToken)
    {
        if (await FindAsync(source, cancellationToken) is null)
            return Problem.NotFound("source", source);
        poller.PollNow(source);
        return Results.Accepted($"/api/v1/sources/{source}");
    }

    private SourceAnswer Answer(SourceStatus status) => SourceAnswer.Of(status, poller.IsPolling(status.Settings.Name));

    private async Task<SourceStatus?> FindAsync(string source, CancellationToken cancellationToken) =>
        await store.ListSourcesAsync(source, cancellationToken) is [var status] ? status : null;

    private Problem? Judge(SourceBody body, SourceSettings? before)
    {
        if (body.Kind is not null && !poller.Kinds.Contains(body.Kind, StringComparer.Ordinal))
            return Problem.Invalid("kind", $"The kinds of source are: {string.Join(", ", poller.Kinds)}.");
        if (poller.Kinds.Count == 0)
            return Problem.Invalid("kind", "No kind of source is installed here.");
        if (body.Url is null && before is null)
            return Problem.Invalid("url", "url is needed: the address to read.");
        if (body.Url?.Length > MaxUrlLength)
            return Problem.Invalid("url", $"url may have {MaxUrlLength} characters at most.") with { Limit = MaxUrlLength };
        if (body.Url is not null && !(Uri.TryCreate(body.Url, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"))
            return Problem.Invalid("url", "url is an absolute http or https address.");
        if (body.Topic is not null && !ResourceName.IsValid(body.Topic))
            return Names.Invalid("topic", body.Topic);
        return body.IntervalSeconds is { } seconds
            && !(seconds >= SourceSettings.ShortestInterval.TotalSeconds && seconds <= SourceSettings.LongestInterval.TotalSeconds)
            ? Problem.Invalid(
                "intervalSeconds",
                $"intervalSeconds is from {SourceSettings.ShortestInterval.TotalSeconds} to {SourceSettings.LongestInterval.TotalSeconds}.") with
            {
                Limit = (long)(seconds < SourceSettings.ShortestInterval.TotalSeconds ? SourceSettings.ShortestInterval : SourceSettings.LongestInterval).TotalSeconds,
            }
            : null;
    }
}
