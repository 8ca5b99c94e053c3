using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>
/// Opens the outbox before the application serves, runs the relay, and looks after what is kept. When the host stops, nothing more is
/// claimed, sends have their time to end, and the rest is given back.
/// </summary>
internal sealed partial class OutboxHost(
    IOutboxStore store, OutboxRelay relay, OutboxMeter meter, OutboxOptions options, TimeProvider time, ILogger<OutboxHost> logger) : BackgroundService
{
    private static readonly TimeSpan BetweenRounds = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenPurges = TimeSpan.FromMinutes(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await store.OpenAsync(options.Migrate, cancellationToken);
        if (options.Relay && relay.HasWork)
        {
            store.Woken = relay.Tell;
            await store.ListenAsync(cancellationToken);
            relay.Start();
        }

        await base.StartAsync(cancellationToken);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await relay.StopAsync();
        await base.StopAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var purgedAt = time.GetTimestamp();
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(BetweenRounds, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                if (meter.WantsLooks)
                    meter.Look(await store.PendingAsync(stoppingToken));
                if (time.GetElapsedTime(purgedAt) < BetweenPurges)
                    continue;
                purgedAt = time.GetTimestamp();
                while ((await store.PurgeStepAsync(options.KeepHandledFor, stoppingToken)).More)
                {
                    // Step by step, so that nobody waits for us.
                }
            }
            catch (Exception error)
            {
                // Whatever it is: an error that left here would stop the whole host.
                if (!stoppingToken.IsCancellationRequested)
                    LogNotDone(error);
            }
        }
    }

    [LoggerMessage(EventId = 70, Level = LogLevel.Warning, Message = "Outbox: its upkeep was not possible; it is tried again")]
    private partial void LogNotDone(Exception error);
}
