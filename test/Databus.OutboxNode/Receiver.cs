using System.Globalization;
using System.Text.Json;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Databus.OutboxNode;

/// <summary>Takes steps from the broker, tells the ledger, and acknowledges what is written down. Comes back when the broker does.</summary>
internal sealed class Receiver(LedgerLink ledger, string name, Uri broker) : BackgroundService
{
    public const string Queue = "steps";
    private const ushort Prefetch = 200;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var factory = new ConnectionFactory { Uri = broker, NetworkRecoveryInterval = TimeSpan.FromSeconds(1) };
        await using var connection = await factory.CreateConnectionAsync(stoppingToken);
        await using var channel = await connection.CreateChannelAsync(cancellationToken: stoppingToken);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: stoppingToken);
        await channel.BasicQosAsync(prefetchSize: 0, Prefetch, global: false, stoppingToken);
        var consumer = new AsyncEventingBasicConsumer(channel);
        consumer.ReceivedAsync += async (_, delivery) =>
        {
            var step = JsonSerializer.Deserialize(delivery.Body.Span, StepJson.Default.Step)!;
            await ledger.TellAsync(string.Create(
                CultureInfo.InvariantCulture, $"sent {name} {delivery.BasicProperties.MessageId} {step.Key} {step.Number}"));
            await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false);
        };
        await channel.BasicConsumeAsync(Queue, autoAck: false, consumer, stoppingToken);
        await Task.Delay(Timeout.Infinite, stoppingToken);
    }
}
