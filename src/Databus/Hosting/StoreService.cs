using Databus.Destinations;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Hosting;

/// <summary>
/// Opens the store before anything else starts and closes it after everything else has stopped. Between the two, and as
/// long, the node is alive.
/// </summary>
internal sealed partial class StoreService(
    IStore store, TopicSignals signals, SourcePlanner planner, SourceListener listener, Dispatcher dispatcher, JobClient jobs, JobWorker worker, OutsideWorkers outside,
    NodeHeart heart, IOptions<DatabusOptions> options, ILogger<StoreService> logger) : IHostedLifecycleService
{
    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        store.Appended = signals.Appended;
        store.Woken = signals.Woken;
        store.Configured += planner.Changed;
        store.Configured += listener.Changed;
        store.Configured += dispatcher.Changed;
        store.Jobs.Claimable += worker.Claimable;
        store.Jobs.Claimable += outside.Claimable;
        store.Jobs.Changed += worker.Changed;
        store.Jobs.Changed += jobs.Changed;
        store.Failed = error =>
        {
            LogStoreFailed(error);
            options.Value.StoreFailed(error);
        };
        await store.OpenAsync(cancellationToken);
        await heart.StartAsync();
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await heart.StopAsync();
        await store.DisposeAsync();
    }

    [LoggerMessage(EventId = 20, Level = LogLevel.Critical, Message = "The store failed and can no longer vouch for what is on disk")]
    private partial void LogStoreFailed(Exception error);
}
