using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Hosting;

/// <summary>Opens the store before anything else starts and closes it after everything else has stopped.</summary>
internal sealed partial class StoreService(
    IStore store, TopicSignals signals, IOptions<DatabusOptions> options, ILogger<StoreService> logger) : IHostedLifecycleService
{
    public Task StartingAsync(CancellationToken cancellationToken)
    {
        store.Appended = signals.Appended;
        store.Failed = error =>
        {
            LogStoreFailed(error);
            options.Value.StoreFailed(error);
        };
        return store.OpenAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => store.DisposeAsync().AsTask();

    [LoggerMessage(EventId = 20, Level = LogLevel.Critical, Message = "The store failed and can no longer vouch for what is on disk")]
    private partial void LogStoreFailed(Exception error);
}
