namespace Databus.Topics;

/// <summary>One item of a topic's log, as it was stored.</summary>
/// <param name="Id">Grows by one with each item of the topic; visible in this order (P3).</param>
/// <param name="Key">The key as text; null when it is the SHA-256 of the canonical content.</param>
public sealed record Item(long Id, string? Key, byte[] Content, string? Source, DateTimeOffset AddedAt);
