namespace Databus.Outbox;

/// <summary>What of one type waits to be sent.</summary>
/// <param name="Count">All that are recorded and committed and not yet sent; those that are under way too, parked ones not.</param>
/// <param name="Oldest">When the oldest was recorded.</param>
/// <param name="Failing">How many of them failed and are tried again later.</param>
/// <param name="Parked">How many gave up and wait for somebody to replay or skip them; they are not in <paramref name="Count"/>.</param>
public sealed record PendingMessages(string Type, long Count, DateTimeOffset? Oldest, long Failing, long Parked);

/// <summary>A message that gave up.</summary>
/// <param name="Id">By which it is replayed, skipped and edited.</param>
/// <param name="MessageId">The id its receivers know.</param>
/// <param name="Content">JSON in UTF-8; a reference where the content has a table of its own.</param>
/// <param name="Reason">A plain sentence.</param>
/// <param name="HoldsKey">All that have its order key wait for it.</param>
public sealed record ParkedMessage(
    long Id, Guid MessageId, string Type, string? OrderKey, ReadOnlyMemory<byte> Content, DateTimeOffset RecordedAt, DateTimeOffset ParkedAt, int Attempts, string Reason, bool HoldsKey);
