using Databus.Jobs;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Logging;

namespace Databus.Sources;

/// <summary>
/// Polls a source, appends what came, and only then keeps that it was polled: a crash in between costs a second poll, whose
/// items are duplicates. A poll that failed is a failed job with the reason that its source shows.
/// </summary>
internal sealed partial class PollSourceHandler(
    IStore store, TopicLog log, IEnumerable<ISourceKind> kinds, TimeProvider time, ILogger<PollSourceHandler> logger)
    : IJobHandler<PollSource, PollSourceResult>
{
    /// <summary>No two polls are as near to each other, and no two nodes as far apart in what they know of the store's clock.</summary>
    private static readonly TimeSpan ClockSpread = TimeSpan.FromSeconds(1);

    public async Task<PollSourceResult> HandleAsync(PollSource job, JobContext context, CancellationToken cancellationToken)
    {
        if (await store.ListSourcesAsync(job.Source, cancellationToken) is not [var source])
            return new PollSourceResult("not-due", Reason: "There is no source of this name.");

        // It may have waited, or be the second start after a node died whose poll was kept.
        if (!(PollSchedule.DueAt(source, store.Now) <= store.Now + ClockSpread))
            return new PollSourceResult("not-due", Reason: WhyNotDue(source));
        return await PollAsync(source, cancellationToken);
    }

    private static string WhyNotDue(SourceStatus source) => source switch
    {
        { Settings.Paused: true } => "The source is paused.",
        { NextPollAt: null } => "The source is gone.",
        _ => "The source was polled meanwhile.",
    };

    private async Task<PollSourceResult> PollAsync(SourceStatus source, CancellationToken cancellationToken)
    {
        var settings = source.Settings;
        var kind = kinds.FirstOrDefault(kind => kind.Name == settings.Kind);
        var result = kind is null
            ? new PollResult(PollOutcome.Failed) { Error = $"This databus has no sources of the kind {settings.Kind}." }
            : await ReadAsync(kind, new PollRequest(settings.Url, source.State), cancellationToken);

        var (added, refused) = await AppendAsync(settings, result.Items, cancellationToken);
        var failures = result.Outcome is PollOutcome.Failed ? source.Failures + 1 : 0;
        var now = store.Now;
        var next = PollSchedule.Next(settings.Interval, result, failures, Random.Shared.NextDouble());
        var outcome = result.Outcome switch
        {
            PollOutcome.Read => $"added {added} of {result.Items.Count}",
            PollOutcome.NotModified => "not modified",
            PollOutcome.Failed => "failed",
            _ => "gone",
        };
        LogPolled(settings.Name, outcome, result.Error);
        await store.RecordPollAsync(
            settings.Name,
            new PollRecord(settings.Url, now, now + next, outcome, result.Error ?? refused, failures, added, result.State, result.MovedTo) { Before = source },
            cancellationToken);
        return result.Outcome switch
        {
            PollOutcome.Read => new PollSourceResult("read", result.Items.Count, added),
            PollOutcome.NotModified => new PollSourceResult("not-modified"),
            _ => throw new JobFailedException(result.Error ?? "The source could not be read.") { IsFinal = true },
        };
    }

    /// <summary>How many were new, and why some could not be taken; null: all could.</summary>
    private async Task<(int Added, string? Refused)> AppendAsync(SourceSettings settings, IReadOnlyList<SourceItem> found, CancellationToken cancellationToken)
    {
        if (found.Count == 0)
            return (0, null);
        string? refused = null;
        var topic = await log.GetOrCreateAsync(settings.Topic, cancellationToken);
        var items = new List<NewItem>(found.Count);
        foreach (var one in found)
        {
            // The source's name before the identity: two sources may both have an item 1.
            if (TopicLog.TryRead(topic, one.Content, $"{settings.Name}/{one.Identity}", settings.Name, out var item, out var error))
                items.Add(item with { KeyNeverExpires = true });
            else
                refused = error.Detail;
        }

        return ((await log.AppendAsync(topic, items, cancellationToken)).Count(outcome => outcome.Added), refused);
    }

    private async Task<PollResult> ReadAsync(ISourceKind kind, PollRequest request, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(PollSource.LongestRead, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            return await kind.PollAsync(request, limit.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return new PollResult(PollOutcome.Failed) { Error = $"It was not read to its end within {PollSource.LongestRead.TotalSeconds} s." };
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Source {Source}: {Outcome} {Error}")]
    private partial void LogPolled(string source, string outcome, string? error);
}
