namespace Databus.Outbox;

/// <summary>Instruments of the outbox.</summary>
internal sealed class OutboxMeter;
