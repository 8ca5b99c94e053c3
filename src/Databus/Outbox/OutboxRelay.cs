namespace Databus.Outbox;

/// <summary>Relay.</summary>
internal sealed class OutboxRelay;
