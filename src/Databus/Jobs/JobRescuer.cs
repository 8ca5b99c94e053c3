using Databus.Nodes;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>
/// Takes their jobs away from nodes that died and from workers whose leases ended (P5). Every worker does it, so that it
/// takes no longer when one of them is gone.
/// </summary>
internal sealed partial class JobRescuer(IStore store, NodeHeart heart, TimeProvider time, ILogger<JobRescuer> logger) : BackgroundService
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var isFailing = false;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                int taken, all = 0;
                do
                {
                    taken = heart.MayJudgeOthers ? await store.Jobs.RescueAsync(stoppingToken) : 0;
                    all += taken;
                }
                while (taken > 0);
                if (all > 0)
                    LogRescued(all);
                isFailing = false;
            }
            catch (Exception error)
            {
                if (!isFailing && !stoppingToken.IsCancellationRequested)
                    LogFailed(error);
                isFailing = true;
            }

            await Task.Delay(BetweenLooks, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(EventId = 93, Level = LogLevel.Warning, Message = "{Count} jobs were taken away from workers that are not heard of any more")]
    private partial void LogRescued(int count);

    [LoggerMessage(EventId = 94, Level = LogLevel.Error, Message = "The jobs of workers that died could not be looked for; it is tried again")]
    private partial void LogFailed(Exception error);
}
