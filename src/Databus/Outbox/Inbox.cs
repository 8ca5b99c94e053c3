using System.Data.Common;

namespace Databus.Outbox;

/// <summary>
/// The receiving side: takes note of what was handled in the handler's own transaction, so that a message that comes twice has its
/// effect once.
/// </summary>
public sealed class Inbox
{
    private readonly IOutboxStore _store;

    internal Inbox(IOutboxStore store) => _store = store;

    /// <summary>
    /// Takes note, in the handler's transaction, that it handles this message. False: it was handled before, and there is nothing to do.
    /// While another transaction that handles it is open, this waits for its end. Remembered for
    /// <see cref="OutboxOptions.KeepHandledFor"/>.
    /// </summary>
    /// <exception cref="DbException">As the driver throws it; the transaction is the caller's.</exception>
    public Task<bool> TryHandleAsync(DbTransaction transaction, Guid messageId, CancellationToken cancellationToken = default) =>
        _store.TryHandleAsync(
            transaction.Connection ?? throw new InvalidOperationException("The transaction has ended."), transaction, messageId, cancellationToken);

    /// <summary>The same within an ambient transaction.</summary>
    /// <inheritdoc cref="TryHandleAsync(DbTransaction, Guid, CancellationToken)"/>
    public Task<bool> TryHandleAsync(DbConnection connection, Guid messageId, CancellationToken cancellationToken = default) =>
        _store.TryHandleAsync(connection, transaction: null, messageId, cancellationToken);
}
