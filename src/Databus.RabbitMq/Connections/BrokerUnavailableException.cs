namespace Databus.RabbitMq.Connections;

/// <summary>The broker cannot be used at the moment. Transient: it is tried again.</summary>
internal sealed class BrokerUnavailableException(BrokerTrouble trouble) : Exception(trouble.Sentence)
{
    public BrokerTrouble Trouble { get; } = trouble;
}
