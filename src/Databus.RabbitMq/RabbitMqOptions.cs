using Databus.RabbitMq.Connections;

namespace Databus.RabbitMq;

/// <summary>Where the broker is, and how Databus behaves towards it.</summary>
public sealed class RabbitMqOptions
{
    /// <summary>
    /// <c>amqp://user:password@host:5672/vhost</c>, or <c>amqps://</c> for TLS, whose certificate is always checked. User
    /// and password default to guest, the port to 5672 or 5671, the virtual host to <c>/</c>. Needed.
    /// </summary>
    /// <remarks>Text, because whoever binds configuration quotes what is no URI, and this holds a password.</remarks>
    public string? Uri { get; set; }

    /// <summary>After about this long without a sign of life the connection counts as cut: 1 s to 10 minutes. Default 10 s.</summary>
    public TimeSpan Heartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>What the broker has not confirmed after this long is sent again later: 1 s to 10 minutes. Default 20 s.</summary>
    public TimeSpan ConfirmTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Messages a source takes on before they are acknowledged: 1 to 10 000. Default 500.</summary>
    public ushort Prefetch { get; set; } = 500;

    /// <summary>The largest message that can be an item, in bytes. Default 1 MiB. A larger one goes to the source's dead queue.</summary>
    public int MaxItemBytes { get; set; } = 1 << 20;

    /// <summary>One plain sentence, without the password, or null.</summary>
    internal string? FindMistake()
    {
        if (!BrokerAddress.TryRead(Uri, out _, out var mistake))
            return mistake;
        if (Heartbeat < TimeSpan.FromSeconds(1) || Heartbeat > TimeSpan.FromMinutes(10))
            return "RabbitMq:Heartbeat is from 1 second to 10 minutes.";
        if (ConfirmTimeout < TimeSpan.FromSeconds(1) || ConfirmTimeout > TimeSpan.FromMinutes(10))
            return "RabbitMq:ConfirmTimeout is from 1 second to 10 minutes.";
        if (Prefetch is 0 or > 10_000)
            return "RabbitMq:Prefetch is from 1 to 10000.";
        return MaxItemBytes < 1 ? "RabbitMq:MaxItemBytes is at least 1." : null;
    }
}
