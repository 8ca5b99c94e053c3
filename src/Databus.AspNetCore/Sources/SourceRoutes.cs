using Databus.AspNetCore.Problems;
using Databus.Sources;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Sources;

/// <summary>Sources and how their polls went.</summary>
internal sealed class SourceRoutes(
    IStore store, SourcePlanner planner, SourceListener listener, IEnumerable<ISourceKind> polled, IEnumerable<IListeningSourceKind> listening,
    IOptions<DatabusHttpOptions> options)
{
    private const int MaxUrlLength = 2000;

    private readonly Dictionary<string, IListeningSourceKind> _listening = listening.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
    private readonly string[] _kinds = [.. polled.Select(kind => kind.Name), .. listening.Select(kind => kind.Name)];

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
            KindOf(body, before),
            body.Topic ?? before?.Topic ?? source,
            body.Url is null ? before!.Url : new Uri(body.Url))
        {
            Interval = body.IntervalSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : before?.Interval ?? SourceSettings.DefaultInterval,
            Paused = body.Paused ?? before?.Paused ?? false,
        };
        var created = await store.PutSourceAsync(settings, context.RequestAborted);
        planner.Changed();
        listener.Changed();
        return await FindAsync(source, context.RequestAborted) is { } status
            ? Results.Json(Answer(status), WireContext.Default.SourceAnswer, statusCode: created ? 201 : 200)
            : Problem.NotFound("source", source);
    }

    public async Task<IResult> DeleteAsync(string source, CancellationToken cancellationToken)
    {
        if (!await store.DeleteSourceAsync(source, cancellationToken))
            return Problem.NotFound("source", source);
        listener.Changed();
        return Results.NoContent();
    }

    public async Task<IResult> PollAsync(string source, CancellationToken cancellationToken)
    {
        if (await FindAsync(source, cancellationToken) is not { } status)
            return Problem.NotFound("source", source);
        if (_listening.ContainsKey(status.Settings.Kind))
            return Problem.Invalid("source", $"A source of the kind {status.Settings.Kind} is listened to, not polled.");
        return await planner.PollNowAsync(source, cancellationToken)
            ? Results.Accepted($"/api/v1/sources/{source}")
            : Problem.NotFound("source", source);
    }

    private SourceAnswer Answer(SourceStatus status) =>
        SourceAnswer.Of(status, isListenedTo: _listening.ContainsKey(status.Settings.Kind));

    private async Task<SourceStatus?> FindAsync(string source, CancellationToken cancellationToken) =>
        await store.ListSourcesAsync(source, cancellationToken) is [var status] ? status : null;

    /// <summary>Where nobody says, the scheme of a new source's address does: <c>amqp:</c> is of the kind amqp.</summary>
    private string KindOf(SourceBody body, SourceSettings? before) =>
        body.Kind ?? before?.Kind
        ?? _listening.Keys.FirstOrDefault(kind => body.Url?.StartsWith(kind + ":", StringComparison.OrdinalIgnoreCase) == true)
        ?? _kinds[0];

    private Problem? Judge(SourceBody body, SourceSettings? before)
    {
        if (body.Kind is not null && !_kinds.Contains(body.Kind, StringComparer.Ordinal))
            return Problem.Invalid("kind", $"The kinds of source are: {string.Join(", ", _kinds)}.");
        if (_kinds.Length == 0)
            return Problem.Invalid("kind", "No kind of source is installed here.");
        if (body.Url is null && before is null)
            return Problem.Invalid("url", "url is needed: the address to read.");
        if (body.Url?.Length > MaxUrlLength)
            return Problem.Invalid("url", $"url may have {MaxUrlLength} characters at most.") with { Limit = MaxUrlLength };
        if (JudgeAddress(body, before) is { } refusal)
            return refusal;
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

    /// <summary>An address that stays is judged once more where the kind is a new one.</summary>
    private Problem? JudgeAddress(SourceBody body, SourceSettings? before)
    {
        if (body.Url is null && (body.Kind is null || body.Kind == before!.Kind))
            return null;
        var known = Uri.TryCreate(body.Url ?? before!.Url.AbsoluteUri, UriKind.Absolute, out var url);
        if (_listening.TryGetValue(KindOf(body, before), out var kind))
        {
            if (!known)
                return Problem.Invalid("url", "url is an absolute address.");
            return kind.Accepts(url!, out var refusal) ? null : Problem.Invalid("url", refusal);
        }

        return known && url!.Scheme is "http" or "https" ? null : Problem.Invalid("url", "url is an absolute http or https address.");
    }
}
