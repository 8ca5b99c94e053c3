using System.Data.Common;

namespace Databus.Outbox;

/// <summary>
/// The contents of messages that are kept in a table of their own. The outbox table then holds of each a reference, any JSON,
/// for example <c>{"id":7}</c>. Made anew, in a scope of its own, for each batch.
/// </summary>
public interface IOutboxContents<T>
    where T : notnull
{
    /// <summary>Reads what these references name, in the order given, with child rows, in one query if it can; null: it is not there.</summary>
    /// <remarks>
    /// What it throws because the database is not there (a <see cref="DbException"/>, a timeout) holds up the batch until it is. After
    /// anything else each reference is read by itself, and one that still cannot be read is parked.
    /// </remarks>
    /// <param name="references">JSON in UTF-8, as recorded.</param>
    Task<IReadOnlyList<T?>> LoadAsync(IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken);

    /// <summary>
    /// Removes what these references name, within the transaction that removes the messages: they were sent, or skipped. What is
    /// not there any more is no error, nor is a reference that cannot be read.
    /// </summary>
    Task DeleteAsync(DbTransaction transaction, IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken);
}
