using System.Diagnostics.CodeAnalysis;
using Databus.RabbitMq.Connections;
using Databus.RabbitMq.Queues;
using Databus.Sources;

namespace Databus.RabbitMq.Sources;

/// <summary>
/// Takes items from a queue of RabbitMQ, which is declared durable when it is not there. What can never be an item goes to
/// the durable queue <c>QUEUE.dead</c>; nothing is dropped.
/// </summary>
internal sealed class AmqpSource(Broker broker) : IListeningSourceKind
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    public string Name => "amqp";

    public bool Accepts(Uri address, [NotNullWhen(false)] out string? refusal) => AmqpAddress.TryRead(address, out _, out refusal);

    public async Task ListenAsync(SourceSettings source, SourceInbox inbox, CancellationToken cancellationToken)
    {
        if (!AmqpAddress.TryRead(source.Url, out var address, out var refusal))
        {
            inbox.Report(refusal);
            await Task.Delay(Timeout.InfiniteTimeSpan, broker.Time, cancellationToken);
            return;
        }

        await using var dead = new DeadQueue(broker, address.Queue, source.Name);
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            try
            {
                var (trouble, hasTaken) = await QueueConsumer.RunAsync(broker, address, inbox, dead, cancellationToken);
                inbox.Report(trouble.Sentence);
                if (hasTaken)
                    pause = FirstPause;
            }
            catch (Exception error) when (BrokerTrouble.IsTrouble(error) && !cancellationToken.IsCancellationRequested)
            {
                inbox.Report(BrokerTrouble.Of(error).Sentence);
            }

            await Task.Delay(pause, broker.Time, cancellationToken);
        }
    }
}
