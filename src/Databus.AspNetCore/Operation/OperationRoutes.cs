using Databus.AspNetCore.Nodes;
using Databus.AspNetCore.Problems;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Operation;

/// <summary>What an operator sees first, and what a load balancer asks.</summary>
internal sealed class OperationRoutes(
    IStore store, DatabusMeter meter, NodeHeart heart, IEnumerable<IListeningSourceKind> listening, TimeProvider time,
    IHostApplicationLifetime lifetime, IOptions<DatabusHttpOptions> options)
{
    private const int FailuresWorthAWarning = 3;
    private static readonly TimeSpan LongWait = TimeSpan.FromMinutes(10);

    private readonly HashSet<string> _listening = listening.Select(kind => kind.Name).ToHashSet(StringComparer.Ordinal);
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();

    public async Task<IResult> OverviewAsync(CancellationToken cancellationToken)
    {
        var topics = await store.ListTopicsAsync(name: null, cancellationToken);
        var subscriptions = await store.ListSubscriptionsAsync(topic: null, name: null, cancellationToken);
        var sources = await store.ListSourcesAsync(name: null, cancellationToken);
        var nodes = await store.ListNodesAsync(cancellationToken);
        var report = await store.ReportAsync(cancellationToken);

        var now = time.GetUtcNow();
        var warnings = report.Warnings.Select(warning => new WarningAnswer(warning.Code, warning.Message)).ToList();
        warnings.AddRange(NodeAttention.Of(nodes, heart.Id, store.Now));
        warnings.AddRange(subscriptions.Where(subscription => now - subscription.OldestWaitingAt > LongWait).Select(subscription => new WarningAnswer(
            "subscription-late", $"{subscription.Topic}/{subscription.Name}: an item waits since {TimeConverter.Text(subscription.OldestWaitingAt!.Value)}.")));
        warnings.AddRange(subscriptions.Where(subscription => subscription.Dead > 0).Select(subscription => new WarningAnswer(
            "dead-letters", $"{subscription.Topic}/{subscription.Name}: {subscription.Dead} dead letters.")));
        warnings.AddRange(sources.Where(source => source.Failures >= FailuresWorthAWarning).Select(source => new WarningAnswer(
            "source-failing", $"Source {source.Settings.Name} failed {source.Failures} times in a row: {source.Error}")));
        warnings.AddRange(sources.Where(source => source.NextPollAt is null && !source.Settings.Paused && !_listening.Contains(source.Settings.Kind)).Select(source => new WarningAnswer(
            "source-gone", $"Source {source.Settings.Name} is gone and not polled any more: {source.Error}")));

        return Results.Json(
            new OverviewAnswer(
                NodeHeart.Version,
                _startedAt,
                options.Value.Environment,
                new StoreAnswer(report.Kind, report.Version, report.DatabaseBytes, report.WalBytes, report.FreeBytes),
                topics.Count,
                topics.Sum(topic => topic.Items),
                subscriptions.Count,
                sources.Count,
                nodes.Count(node => node.IsAlive || node.Report.Id == heart.Id),
                subscriptions.Sum(subscription => (long)subscription.InFlight),
                subscriptions.Sum(subscription => (long)subscription.Dead),
                meter.AddedLastMinute,
                meter.DuplicatesLastMinute,
                warnings),
            WireContext.Default.OverviewAnswer);
    }

    /// <summary>The process runs.</summary>
    public static IResult Live() => Results.Json(new HealthAnswer("ok"), WireContext.Default.HealthAnswer);

    /// <summary>Requests are welcome: the store answers and the process is not about to stop.</summary>
    public async Task<IResult> ReadyAsync(CancellationToken cancellationToken)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return new Problem(503, "stopping", "Stopping", "Databus is shutting down.") { RetryAfter = 5 };
        var report = await store.ReportAsync(cancellationToken);
        return report.Warnings.FirstOrDefault(warning => warning.Code == "disk-full") is { } full
            ? new Problem(503, full.Code, "Disk full", full.Message) { RetryAfter = 30 }
            : Live();
    }
}
