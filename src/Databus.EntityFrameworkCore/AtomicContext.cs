using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Transactions;
using Databus.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace Databus.EntityFrameworkCore;

/// <summary>Functions in one transaction of a context, and rows locked by their keys.</summary>
public static class AtomicContext
{
    private static readonly ConditionalWeakTable<DbContext, Attempt> Running = [];

    /// <inheritdoc cref="AtomicAsync{T}"/>
    public static Task AtomicAsync(
        this DbContext context, Func<CancellationToken, Task> function, AtomicOptions? options = null, CancellationToken cancellationToken = default) =>
        context.AtomicAsync(
            async stop =>
            {
                await function(stop);
                return true;
            },
            options, cancellationToken);

    /// <summary>
    /// Runs a function in one transaction of the context, saves what it changed, and commits. What the database undoes because of
    /// others (serialisation failures, deadlocks, a row that changed meanwhile) runs again after a short wait. Within another
    /// function that this runs, or a transaction of the caller's own, it joins that: its changes are saved at its end, and all is
    /// committed with the outermost; when a part fails, nothing is, even if its error is caught on the way.
    /// </summary>
    /// <remarks>
    /// Each run begins with a context that tracks nothing, so entities are read within the function. It may run several times, so it does
    /// nothing that a rollback does not undo. In a transaction of the caller's own nothing runs again: that is the caller's to do. An
    /// error in the answer to the commit reaches the caller, also with a retrying strategy: whether it was committed is not known.
    /// </remarks>
    /// <param name="options">Of those of a function that joins, only <see cref="AtomicOptions.RetriesIntegrityErrors"/> counts.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidOperationException">
    /// The context has changes that are not saved, which another run would lose; or something within has failed and its error was caught.
    /// </exception>
    public static Task<T> AtomicAsync<T>(
        this DbContext context, Func<CancellationToken, Task<T>> function, AtomicOptions? options = null, CancellationToken cancellationToken = default)
    {
        if (options?.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        if (Running.TryGetValue(context, out var running))
            return running.JoinAsync(() => RunAndSaveAsync(context, function, cancellationToken), options, IsConflict);
        if (HasTransaction(context))
            return RunAndSaveAsync(context, function, cancellationToken);
        if (context.ChangeTracker.HasChanges())
            throw new InvalidOperationException("The context has changes that are not saved. Save them before, or make them within the function.");
        var wanted = options ?? AtomicOptions.Default;
        return Attempt.RepeatAsync(
            attempt => RunOnceAsync(context, attempt, function, wanted, cancellationToken), wanted, TimeProvider.System, IsConflict, cancellationToken);
    }

    /// <summary>
    /// Reads the entity with this key and locks its row until the end of the transaction: whoever else locks or changes it waits. What
    /// the context knew of it is read anew. Null: there is none.
    /// </summary>
    /// <param name="key">The values of the primary key, in the order of its properties.</param>
    /// <exception cref="InvalidOperationException">
    /// There is no transaction, so the lock would end at once; the entity has changes that are not saved; or the type has no key or table.
    /// </exception>
    public static async Task<T?> LockAsync<T>(this DbContext context, IReadOnlyList<object> key, CancellationToken cancellationToken = default)
        where T : class
    {
        if (!HasTransaction(context))
            throw new InvalidOperationException("There is no transaction, so the lock would end at once.");
        var type = context.Model.FindEntityType(typeof(T)) ?? throw new InvalidOperationException($"{typeof(T)} is not an entity of {context.GetType()}.");
        var properties = type.FindPrimaryKey()?.Properties ?? throw new InvalidOperationException($"{typeof(T)} has no key.");
        if (properties.Count != key.Count)
            throw new ArgumentException($"The key of {typeof(T)} has {properties.Count} values.", nameof(key));
        var known = context.Set<T>().Local.FindEntryUntyped(key);
        if (known is { State: EntityState.Added or EntityState.Modified or EntityState.Deleted })
            throw new InvalidOperationException($"The {typeof(T)} has changes that are not saved.");
        if (!await LockRowAsync(context, type, properties, key, cancellationToken))
        {
            if (known is not null)
                known.State = EntityState.Detached;
            return null;
        }

        if (known is null)
            return await context.Set<T>().FindAsync([.. key], cancellationToken);
        await known.ReloadAsync(cancellationToken);
        return known.Entity;
    }

    /// <inheritdoc cref="LockAsync{T}(DbContext, IReadOnlyList{object}, CancellationToken)"/>
    public static Task<T?> LockAsync<T>(this DbContext context, object key, CancellationToken cancellationToken = default)
        where T : class =>
        context.LockAsync<T>([key], cancellationToken);

    private static async Task<bool> LockRowAsync(
        DbContext context, IEntityType type, IReadOnlyList<IProperty> properties, IReadOnlyList<object> key, CancellationToken cancellationToken)
    {
        var table = StoreObjectIdentifier.Create(type, StoreObjectType.Table) ?? throw new InvalidOperationException($"{type.DisplayName()} has no table.");
        var sql = context.GetService<ISqlGenerationHelper>();
        await context.Database.OpenConnectionAsync(cancellationToken);
        try
        {
            await using var command = context.Database.GetDbConnection().CreateCommand();
            command.Transaction = context.Database.CurrentTransaction?.GetDbTransaction();
            var conditions = new List<string>(properties.Count);
            for (var place = 0; place < properties.Count; place++)
            {
                var name = $"key{place}";
                command.Parameters.Add(properties[place].GetRelationalTypeMapping().CreateParameter(command, name, key[place], nullable: false));
                conditions.Add($"{sql.DelimitIdentifier(properties[place].GetColumnName(table)!)} = @{name}");
            }

            command.CommandText = $"SELECT 1 FROM {sql.DelimitIdentifier(table.Name, table.Schema)} WHERE {string.Join(" AND ", conditions)} FOR UPDATE";
            return await command.ExecuteScalarAsync(cancellationToken) is not null;
        }
        finally
        {
            await context.Database.CloseConnectionAsync();
        }
    }

    private static async Task<T> RunOnceAsync<T>(
        DbContext context, Attempt attempt, Func<CancellationToken, Task<T>> function, AtomicOptions options, CancellationToken cancellationToken)
    {
        // A retrying strategy allows transactions only within itself. What it must not try again is carried past it; and one that does
        // not retry would only wrap the error.
        var strategy = context.Database.CreateExecutionStrategy();
        var retries = strategy.RetriesOnFailure;
        var (result, failure) = await strategy.ExecuteAsync(async () =>
        {
            context.ChangeTracker.Clear();
            attempt.BeginAnew();
            var isCommitting = false;
            try
            {
                await using var transaction = await BeginAsync(context, options.Isolation, cancellationToken);
                Running.AddOrUpdate(context, attempt);
                var done = await RunAndSaveAsync(context, function, cancellationToken);
                await attempt.ThrowIfFailedAsync(transaction.GetDbTransaction(), cancellationToken);
                isCommitting = true;
                await transaction.CommitAsync(cancellationToken);
                return (done, (ExceptionDispatchInfo?)null);
            }
            catch (Exception error) when (!retries || isCommitting || IsConflict(error))
            {
                return (default(T)!, ExceptionDispatchInfo.Capture(error));
            }
            finally
            {
                Running.Remove(context);
            }
        });
        failure?.Throw();
        return result;
    }

    private static Task<IDbContextTransaction> BeginAsync(DbContext context, System.Data.IsolationLevel isolation, CancellationToken cancellationToken) =>
        isolation == System.Data.IsolationLevel.Unspecified
            ? context.Database.BeginTransactionAsync(cancellationToken)
            : context.Database.BeginTransactionAsync(isolation, cancellationToken);

    private static async Task<T> RunAndSaveAsync<T>(DbContext context, Func<CancellationToken, Task<T>> function, CancellationToken cancellationToken)
    {
        var result = await function(cancellationToken);
        await context.SaveChangesAsync(cancellationToken);
        return result;
    }

    private static bool HasTransaction(DbContext context) =>
        context.Database.CurrentTransaction is not null || context.GetService<IDbContextTransactionManager>() is ITransactionEnlistmentManager { EnlistedTransaction: not null } || Transaction.Current is not null;

    private static bool IsConflict(Exception error) => error is DbUpdateConcurrencyException || TransactionFailure.IsConflict(error);
}
