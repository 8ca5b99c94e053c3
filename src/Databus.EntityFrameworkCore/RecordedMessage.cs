namespace Databus.EntityFrameworkCore;

/// <summary>A row of the outbox table, as far as whoever records writes it or has to know it.</summary>
internal sealed class RecordedMessage
{
    /// <summary>Given by the database: of messages with one order key, in the order of their commits.</summary>
    public long Id { get; init; }

    public Guid MessageId { get; init; }

    public string Type { get; init; } = "";

    public string? OrderKey { get; init; }

    /// <summary>JSON.</summary>
    public string Content { get; init; } = "";

    public string? TraceParent { get; init; }

    /// <summary>Given by the database: the outermost transaction.</summary>
    public ulong Transaction { get; init; }
}
