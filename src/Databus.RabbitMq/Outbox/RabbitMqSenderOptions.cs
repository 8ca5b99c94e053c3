using System.Text;
using Databus.Outbox;
using Databus.RabbitMq.Destinations;

namespace Databus.RabbitMq.Outbox;

/// <summary>Where messages of one type go on the broker: to a queue, or to an exchange.</summary>
public sealed class RabbitMqSenderOptions<T>
    where T : notnull
{
    /// <summary>A durable queue, which is declared; one that is there is used as it is, if it is declared so. Either this or <see cref="Exchange"/>.</summary>
    public string? Queue { get; set; }

    /// <summary>Whether the queue is a quorum queue, with a queue <c>NAME.dead</c> for what its consumers return too often. Default: a classic one.</summary>
    public bool IsQuorum { get; set; }

    /// <summary>An exchange that is there already.</summary>
    public string? Exchange { get; set; }

    /// <summary>The routing key of each message to the exchange, 255 bytes at most. Default: the name of the message's type.</summary>
    public Func<OutboxMessage<T>, string> RoutingKey { get; set; } = static message => message.Type;

    /// <summary>What is wrong with these options, as a sentence, or null.</summary>
    internal string? FindMistake()
    {
        if ((Queue is null) == (Exchange is null))
            return "Either Queue or Exchange says where the messages go; one of them, not both.";
        var longest = DestinationConfiguration.MaxNameBytes - (IsQuorum ? ".dead".Length : 0);
        var name = Queue ?? Exchange!;
        if (name.Length == 0 || name.Any(char.IsControl) || Encoding.UTF8.GetByteCount(name) > longest)
            return $"Queue and Exchange are names of 1 to {longest} bytes without control characters.";
        if (Queue?.StartsWith("amq.", StringComparison.Ordinal) == true)
            return "Names that start with amq. are the broker's own.";
        return IsQuorum && Queue is null ? "IsQuorum goes with Queue: an exchange is there already." : null;
    }

    internal DestinationConfiguration ToConfiguration() => new(Exchange ?? "", Queue ?? "", Queue is not null, IsQuorum, BodyForm.Raw);
}
