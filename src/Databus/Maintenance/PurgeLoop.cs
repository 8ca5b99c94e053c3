using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Maintenance;

/// <summary>Asks the store again and again for a small step of removing what is no longer kept.</summary>
internal sealed partial class PurgeLoop(IStore store, TimeProvider time, ILogger<PurgeLoop> logger) : BackgroundService
{
    /// <summary>Leaves the writer to others between two steps.</summary>
    private static readonly TimeSpan BetweenSteps = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan BetweenRounds = TimeSpan.FromSeconds(15);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = BetweenRounds;
            try
            {
                if ((await store.PurgeStepAsync(stoppingToken)).More)
                    wait = BetweenSteps;
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                LogStepFailed(error);
            }

            await Task.Delay(wait, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning, Message = "A step of the purge failed; it is tried again")]
    private partial void LogStepFailed(Exception error);
}
