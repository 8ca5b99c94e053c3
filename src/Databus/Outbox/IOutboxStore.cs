using System.Data.Common;
using Databus.Storage;

namespace Databus.Outbox;

/// <summary>
/// The seam under the outbox: the service's own database, in verbs of the outbox. One abstract suite says what each verb
/// guarantees (<c>test/Databus.StoreSuite</c>).
/// </summary>
/// <remarks>
/// Verbs that take the caller's connection throw the driver's own errors, so that whoever owns the transaction can judge them; all
/// others throw <see cref="StoreException"/>. Values are in range: the callers see to that.
/// </remarks>
public interface IOutboxStore : IAsyncDisposable
{
    /// <summary>
    /// Called when there may be something to claim that this process did not record: from this id up; null: anywhere.
    /// Must be quick and must not throw.
    /// </summary>
    Action<long?>? Woken { get; set; }

    /// <summary>Brings the schema up to date, if asked to, and makes ready. Any number of times; the first that succeeds does it.</summary>
    Task OpenAsync(bool migrate, CancellationToken cancellationToken);

    /// <summary>Hears from now on what other processes recorded (<see cref="Woken"/>), until it is closed.</summary>
    Task ListenAsync(CancellationToken cancellationToken);

    // What the service's own transactions do

    /// <summary>Records messages in the caller's transaction, in the order given.</summary>
    /// <param name="transaction">Null: an ambient one, or none, and then they are committed at once.</param>
    Task<OutboxRecord> RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken);

    /// <summary>Takes note, in the caller's transaction, that this message is handled. False: it was before.</summary>
    Task<bool> TryHandleAsync(DbConnection connection, DbTransaction? transaction, Guid messageId, CancellationToken cancellationToken);

    // After the commit

    /// <summary>
    /// Which of these transactions have come to an end, and how. Only asked for those that <see cref="OutboxRecord.Transaction"/> named.
    /// </summary>
    Task<IReadOnlyList<SettledTransaction>> SettledAsync(IReadOnlyCollection<ulong> transactions, CancellationToken cancellationToken);

    /// <summary>Tells other processes that there is something to claim from this id up. A word that is lost costs a poll's time.</summary>
    Task AnnounceAsync(long lowestId, CancellationToken cancellationToken);

    // Sending

    /// <summary>
    /// Claims for each look a batch, in the order of ids. What is claimed nobody else gets until it is completed or the lease is over.
    /// A message with an order key is claimed only with all that are before it and have its type and key.
    /// </summary>
    /// <param name="looks">Each for another type.</param>
    /// <param name="underWay">Claims that whoever asks is about to complete: they are not ended here, though their lease be over.</param>
    Task<OutboxClaims> ClaimAsync(
        IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken);

    /// <summary>Moves the end of these claims to this long from now, and says which of them are lost.</summary>
    Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyCollection<Guid> tokens, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>
    /// Ends claims in one step, and says which of them were lost: of those nothing was changed. What a completion has no result for
    /// is pending as before.
    /// </summary>
    Task<IReadOnlyList<Guid>> CompleteAsync(IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken);

    // Looking after it

    /// <summary>What is there, by type; types with nothing at all are left out.</summary>
    Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken);

    /// <summary>Parked messages in the order of their ids.</summary>
    /// <param name="types">Null: of all types.</param>
    Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types, long after, int limit, CancellationToken cancellationToken);

    /// <summary>Parked messages become pending again, with all attempts before them and the place in the order that they had. Returns how many.</summary>
    Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken);

    /// <summary>Removes parked messages for good, and says how many were there.</summary>
    /// <param name="also">Runs in the same transaction with what was removed; null: nothing.</param>
    Task<int> SkipAsync(
        IReadOnlyCollection<long> ids, Func<DbTransaction, IReadOnlyList<ParkedMessage>, CancellationToken, Task>? also, CancellationToken cancellationToken);

    /// <summary>Gives a parked message another content. False: it is not parked.</summary>
    Task<bool> EditAsync(long id, byte[] content, CancellationToken cancellationToken);

    /// <summary>
    /// Removes a bounded part of what need not be kept any more: sent messages whose time is over, and what the inbox remembers for
    /// longer than this.
    /// </summary>
    Task<PurgeStep> PurgeStepAsync(TimeSpan keepHandledFor, CancellationToken cancellationToken);
}

/// <summary>A message that is to be recorded.</summary>
/// <param name="Content">JSON in UTF-8.</param>
public sealed record NewOutboxMessage(Guid Id, string Type, string? OrderKey, byte[] Content, string? TraceParent);

/// <summary>What was recorded.</summary>
/// <param name="Transaction">
/// The outermost transaction, whose end <see cref="IOutboxStore.SettledAsync"/> tells; null: the store sees every commit by itself.
/// </param>
/// <param name="LowestId">The lowest id.</param>
public readonly record struct OutboxRecord(ulong? Transaction, long LowestId);

/// <summary>A transaction that came to its end.</summary>
public readonly record struct SettledTransaction(ulong Transaction, bool IsCommitted);

/// <summary>Where to look for messages of one type.</summary>
/// <param name="Type">As it stands in the table: the name or an old one.</param>
/// <param name="Token">Under which the batch is claimed; never used before, unless by a claim that was kept.</param>
/// <param name="Most">As many are claimed at most.</param>
/// <param name="From">
/// Looks for what never failed from this id up. What failed and is due is found wherever it is.
/// </param>
public sealed record OutboxLook(string Type, Guid Token, int Most, long From = 0)
{
    /// <summary>What failed is taken before it is due as well; then, like the rest, only from <see cref="From"/> up.</summary>
    public bool IgnoresBackOff { get; init; }

    /// <summary>
    /// Claims the whole type: the next ones of all, without a gap. Nothing is claimed while others have claims of it, and others
    /// claim nothing of it until this one is ended.
    /// </summary>
    public bool WholeType { get; init; }
}

/// <summary>What was claimed.</summary>
/// <param name="Batches">Of each look that found something.</param>
/// <param name="Ends">Of each look, in the order given.</param>
/// <param name="NextDue">In how long the next one of these types that failed is due; null: none waits.</param>
public sealed record OutboxClaims(IReadOnlyList<OutboxBatch> Batches, IReadOnlyList<OutboxLookEnd> Ends, TimeSpan? NextDue);

/// <summary>How far a look came.</summary>
/// <param name="Next">It saw as much as one look may, or took as much as it was to: the next one goes on from here. Null: it saw everything.</param>
/// <param name="IsHeld">Somebody else has claims that a look for the whole type must wait for, or has claimed the whole type.</param>
public readonly record struct OutboxLookEnd(long? Next, bool IsHeld);

/// <summary>A claimed batch of one type, in the order of ids.</summary>
public sealed record OutboxBatch(Guid Token, string Type, IReadOnlyList<ClaimedOutboxMessage> Messages);

/// <summary>A claimed message.</summary>
/// <param name="Attempts">How many sends have failed.</param>
public sealed record ClaimedOutboxMessage(
    long Id, Guid MessageId, string? OrderKey, byte[] Content, DateTimeOffset RecordedAt, string? TraceParent, int Attempts);

/// <summary>What became of a claimed message.</summary>
public enum OutboxResult
{
    /// <summary>Removed, or kept for a while among those sent.</summary>
    Sent,

    /// <summary>Pending, and due after a time.</summary>
    Failed,

    /// <summary>Gave up.</summary>
    Parked,
}

/// <summary>What became of a claimed message.</summary>
/// <param name="Reason">A plain sentence; null when it was sent.</param>
/// <param name="Time">Failed: it is due after so long. Sent: it is kept for so long.</param>
/// <param name="HoldsKey">Parked: all that have its key wait for it.</param>
public readonly record struct OutboxEnd(long Id, OutboxResult Result, string? Reason = null, TimeSpan Time = default, bool HoldsKey = false);

/// <summary>The end of a claim.</summary>
/// <param name="Ends">Messages of the claim, in any order. Those not named are pending as before.</param>
/// <param name="KeepsClaim">Ends the messages only: the claim lives on for a next look with the same token.</param>
/// <param name="Also">Runs in the same transaction, unless the claim was lost.</param>
public sealed record OutboxCompletion(
    Guid Token, IReadOnlyList<OutboxEnd> Ends, bool KeepsClaim = false, Func<DbTransaction, CancellationToken, Task>? Also = null);
