using Databus.RabbitMq.Connections;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Databus.RabbitMq.Queues;

/// <summary>Sees to it that a queue is there.</summary>
internal static class QueueDeclaration
{
    /// <summary>Takes a queue that exists as it is, and declares a durable one otherwise.</summary>
    /// <exception cref="Exception">One of those that <see cref="BrokerTrouble.IsTrouble"/> knows.</exception>
    public static async Task EnsureAsync(IConnection connection, string queue, CancellationToken cancellationToken)
    {
        // Each on a channel of its own: the broker answers "there is none" by closing the channel.
        await using (var asking = await connection.CreateChannelAsync(cancellationToken: cancellationToken))
        {
            try
            {
                await asking.QueueDeclarePassiveAsync(queue, cancellationToken);
                return;
            }
            catch (OperationInterruptedException error) when (error.ShutdownReason?.ReplyCode == BrokerTrouble.NotFound)
            {
                // Then it is declared.
            }
        }

        await using var declaring = await connection.CreateChannelAsync(cancellationToken: cancellationToken);
        await declaring.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, cancellationToken: cancellationToken);
    }
}
