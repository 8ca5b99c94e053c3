using Databus.Outbox;
using Microsoft.Extensions.Hosting;

namespace Databus.OutboxNode;

/// <summary>Flushes again and again beside the relays, until the host stops.</summary>
internal sealed class Flusher(OutboxClient outbox) : BackgroundService
{
    private static readonly FlushOptions AtOnce = new() { Wait = TimeSpan.Zero };
    private static readonly TimeSpan BetweenFlushes = TimeSpan.FromMilliseconds(200);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await outbox.FlushManyAsync(AtOnce, stoppingToken);
            await Task.Delay(BetweenFlushes, stoppingToken);
        }
    }
}
