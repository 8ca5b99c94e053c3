using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Channels;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Databus.RabbitMq.Connections;

/// <summary>Why something could not be done with the broker.</summary>
/// <param name="Sentence">For the operator; holds no password.</param>
/// <param name="BlamesMessage">The broker closed the channel because of one of the messages, and does not say which.</param>
internal sealed record BrokerTrouble(string Sentence, bool BlamesMessage = false)
{
    /// <summary>The name of a queue or exchange is not known.</summary>
    public const ushort NotFound = 404;

    /// <summary>In answer to a message: it is larger than the broker takes.</summary>
    public const ushort PreconditionFailed = 406;

    private const ushort ContentTooLarge = 311;

    public static readonly BrokerTrouble Interrupted = new("The sending was interrupted.");

    /// <summary>What the broker, or the network before it, does. Anything else is a mistake of ours.</summary>
    public static bool IsTrouble(Exception error) => error
        is BrokerUnavailableException or RabbitMQClientException or IOException or SocketException or TimeoutException
        or OperationCanceledException or AuthenticationException or ChannelClosedException or ObjectDisposedException;

    public static BrokerTrouble Of(ShutdownEventArgs? end) => end is null
        ? new("The connection to RabbitMQ ended.")
        : new(
            end.Exception is { } error ? $"The connection to RabbitMQ broke. {Innermost(error)}" : $"RabbitMQ ended it: {end.ReplyText}",
            end.ReplyCode is PreconditionFailed or ContentTooLarge);

    /// <summary>The broker raised an alarm: it is short of memory or disk, and reads nothing from those who publish.</summary>
    public static BrokerTrouble Of(ConnectionBlockedEventArgs blocked) => new($"RabbitMQ takes no messages at the moment: {blocked.Reason}.");

    public static BrokerTrouble Of(Exception error) => error switch
    {
        BrokerUnavailableException unavailable => unavailable.Trouble,
        OperationInterruptedException { ShutdownReason: { } reason } => Of(reason),
        OperationCanceledException or TimeoutException => new("RabbitMQ did not answer in time."),
        _ => new($"RabbitMQ is not there. {Innermost(error)}"),
    };

    /// <summary>The client wraps what happened several times over, and only the innermost says it.</summary>
    private static string Innermost(Exception error)
    {
        while ((error as AggregateException)?.InnerExceptions.FirstOrDefault() is { } first || (first = error.InnerException) is not null)
            error = first;
        return error.Message;
    }
}
