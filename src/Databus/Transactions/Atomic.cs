using System.Data.Common;

namespace Databus.Transactions;

/// <summary>
/// Runs functions in transactions, each of which happens as a whole or not at all. What the database undoes because of others
/// (serialisation failures and deadlocks; on SQLite, a file that is busy) runs again after a short wait. Safe for concurrent use;
/// one for each database.
/// </summary>
/// <remarks>
/// A function may run several times, so it does nothing that a rollback does not undo; messages for the outside are recorded in
/// the outbox. An error in the answer to the commit itself, such as a connection that breaks, reaches the caller and is not
/// tried again: whether it was committed is not known.
/// </remarks>
/// <example>
/// <code>
/// await atomic.RunAsync(async (transaction, stop) =>
/// {
///     await orders.InsertAsync(transaction, order, stop);
///     await outbox.RecordAsync(transaction, new OrderPlaced(order.Id), cancellationToken: stop);
/// });
/// </code>
/// </example>
/// <param name="database">Where its connections come from; it stays the caller's.</param>
/// <param name="time">For the waits. Default: the system's.</param>
public sealed class Atomic(DbDataSource database, TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly AsyncLocal<Running?> _running = new();

    /// <inheritdoc cref="RunAsync{T}"/>
    public Task RunAsync(
        Func<DbTransaction, CancellationToken, Task> function, AtomicOptions? options = null, CancellationToken cancellationToken = default) =>
        RunAsync(
            async (transaction, stop) =>
            {
                await function(transaction, stop);
                return true;
            },
            options, cancellationToken);

    /// <summary>
    /// Runs a function in one transaction and commits it. Within another function that this runs, it joins that one's
    /// transaction: all is committed with the outermost, and when a part fails, nothing is, even if its error is caught on the way.
    /// </summary>
    /// <param name="function">Gets the transaction, and with it the connection. Neither commits nor rolls back.</param>
    /// <param name="options">Of those of a function that joins, only <see cref="AtomicOptions.RetriesIntegrityErrors"/> counts.</param>
    /// <returns>What the function returned in the run that was committed.</returns>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidOperationException">Something within has failed and its error was caught, so nothing was committed.</exception>
    /// <exception cref="DbException">The last error, when it was tried often enough or is none that another try mends.</exception>
    public Task<T> RunAsync<T>(
        Func<DbTransaction, CancellationToken, Task<T>> function, AtomicOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options?.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        if (_running.Value is { Attempt.IsOver: false } running)
            return running.Attempt.JoinAsync(() => function(running.Transaction, cancellationToken), options, TransactionFailure.IsConflict);
        var wanted = options ?? AtomicOptions.Default;
        return Attempt.RepeatAsync(
            attempt => RunOnceAsync(attempt, function, wanted, cancellationToken), wanted, _time, TransactionFailure.IsConflict, cancellationToken);
    }

    private async Task<T> RunOnceAsync<T>(
        Attempt attempt, Func<DbTransaction, CancellationToken, Task<T>> function, AtomicOptions options, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenConnectionAsync(cancellationToken);

        // Disposing it rolls it back, unless it is committed.
        await using var transaction = await connection.BeginTransactionAsync(options.Isolation, cancellationToken);
        _running.Value = new Running(attempt, transaction);
        var result = await function(transaction, cancellationToken);
        await attempt.ThrowIfFailedAsync(transaction, cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return result;
    }

    private sealed record Running(Attempt Attempt, DbTransaction Transaction);
}
