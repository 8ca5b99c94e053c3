using System.Text;
using Databus.Testing.Servers;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Databus.Testing.Tests.Servers;

public sealed class RabbitMqServerTests
{
    private static readonly CreateChannelOptions Confirmed =
        new(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true);

    [Fact]
    public async Task A_confirmed_message_of_a_durable_queue_is_there_after_a_crash()
    {
        await using var server = await RabbitMqServer.StartAsync();
        var factory = new ConnectionFactory { Uri = server.Address, AutomaticRecoveryEnabled = false };
        await using (var connection = await factory.CreateConnectionAsync())
        await using (var channel = await connection.CreateChannelAsync(Confirmed))
        {
            await channel.QueueDeclareAsync("letters", durable: true, exclusive: false, autoDelete: false);
            await channel.BasicPublishAsync(
                "", "letters", mandatory: true, new BasicProperties { Persistent = true }, Encoding.UTF8.GetBytes("kept"));
            // The queue that was declared last may be lost.
            await channel.QueueDeclareAsync("last", durable: true, exclusive: false, autoDelete: false);
        }

        await server.KillAsync();
        await Assert.ThrowsAsync<BrokerUnreachableException>(() => factory.CreateConnectionAsync());
        await server.StartAgainAsync();

        await using var again = await factory.CreateConnectionAsync();
        await using var reader = await again.CreateChannelAsync();
        var message = await reader.BasicGetAsync("letters", autoAck: true);
        Assert.Equal("kept", Encoding.UTF8.GetString(message!.Body.Span));
    }

    [Fact]
    public async Task Several_run_at_once_and_share_nothing()
    {
        var servers = await Task.WhenAll(RabbitMqServer.StartAsync(), RabbitMqServer.StartAsync());
        await using var first = servers[0];
        await using var second = servers[1];
        await using var connection = await new ConnectionFactory { Uri = first.Address }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await channel.QueueDeclareAsync("letters");

        await using var other = await new ConnectionFactory { Uri = second.Address }.CreateConnectionAsync();
        await using var elsewhere = await other.CreateChannelAsync();

        await Assert.ThrowsAsync<OperationInterruptedException>(() => elsewhere.QueueDeclarePassiveAsync("letters"));
    }
}
