using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Databus.Outbox;

/// <summary>A message whose transaction has committed, as its sender gets it.</summary>
public sealed class OutboxMessage<T>
    where T : notnull
{
    private readonly JsonTypeInfo<T> _json;
    private ReadOnlyMemory<byte>? _utf8;

    internal OutboxMessage(
        Guid id, string type, string? orderKey, T content, ReadOnlyMemory<byte>? utf8, JsonTypeInfo<T> json, int attempt, DateTimeOffset recordedAt, string? traceParent)
    {
        Id = id;
        Type = type;
        OrderKey = orderKey;
        Content = content;
        Attempt = attempt;
        RecordedAt = recordedAt;
        TraceParent = traceParent;
        _utf8 = utf8;
        _json = json;
    }

    /// <summary>The same however often it is sent: the key by which the other end knows a resend (P8).</summary>
    public Guid Id { get; }

    /// <summary>The name under which its type is registered.</summary>
    public string Type { get; }

    /// <summary>Messages of one type and key are sent in the order of their commits; null: it has no order.</summary>
    public string? OrderKey { get; }

    public T Content { get; }

    /// <summary>The content as JSON in UTF-8; as it was recorded, unless it is kept in a table of its own.</summary>
    public ReadOnlyMemory<byte> Json => _utf8 ??= JsonSerializer.SerializeToUtf8Bytes(Content, _json);

    /// <summary>1 is the first. Sends that the destination's absence prevented do not count.</summary>
    public int Attempt { get; }

    public DateTimeOffset RecordedAt { get; }

    /// <summary>The trace of whoever recorded it, as W3C <c>traceparent</c>; null: there was none.</summary>
    public string? TraceParent { get; }
}
