using System.Globalization;
using System.Transactions;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Storage;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>How a transaction ends.</summary>
public enum Ending
{
    Commit,
    Rollback,

    /// <summary>A part of it is undone, or it fails at first; then it is committed.</summary>
    InnerRollback,
}

/// <summary>
/// Every shape that a transaction with messages can have. Each records two messages and brings its transaction to an end; with an
/// inner rollback the second is undone.
/// </summary>
internal static class Shapes
{
    public static readonly IReadOnlyDictionary<string, Func<Shop, Ending, Pair, Task>> All = new Dictionary<string, Func<Shop, Ending, Pair, Task>>(StringComparer.Ordinal)
    {
        ["one row, no transaction"] = OneRowAsync,
        ["several rows, no transaction"] = SeveralRowsAsync,
        ["several rows, no transaction, not async"] = NotAsync,
        ["changes accepted later"] = AcceptedLaterAsync,
        ["explicit transaction"] = (shop, ending, pair) => WithContextAsync(shop.Context(), ending, pair),
        ["UseTransaction"] = UseTransactionAsync,
        ["TransactionScope"] = ScopeAsync,
        ["TransactionScope around an own connection"] = ScopeWithoutContextAsync,
        ["savepoint released"] = SavepointReleasedAsync,
        ["savepoints, one in the other"] = NestedSavepointsAsync,
        ["retrying strategy"] = RetryingAsync,
        ["retrying strategy, no transaction"] = RetryingWithoutTransactionAsync,
        ["pooled context"] = PooledAsync,
        ["pooled context from services"] = PooledFromServicesAsync,
        ["context factory"] = FactoryAsync,
        ["two contexts on one connection"] = TwoContextsAsync,
        ["plain ADO.NET"] = PlainAsync,
        ["plain ADO.NET, no transaction"] = PlainWithoutTransactionAsync,
        ["a command of somebody else's"] = RawCommandAsync,
        ["atomic"] = AtomicAsync,
        ["atomic context"] = AtomicContextAsync,
    };

    /// <summary>The numbers of two messages, and what is to become of them.</summary>
    public sealed record Pair(int First, int Second);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static OrderPlaced Message(int number) => new(number);

    private static Order Order(int number) => new() { Name = number.ToString(CultureInfo.InvariantCulture) };

    /// <summary>A transaction of EF's own around a save, committed by the driver alone.</summary>
    private static async Task OneRowAsync(Shop shop, Ending ending, Pair pair)
    {
        // Each is a save of its own, so the first is there whatever becomes of the second.
        await using var context = shop.Context();
        await context.Database.OpenConnectionAsync(Cancellation);
        if (ending == Ending.Rollback)
            await ReadOnlyAsync(context);
        context.Record(Message(pair.First));
        await SaveAsync(context, fails: ending == Ending.Rollback);
        if (ending == Ending.InnerRollback)
            await ReadOnlyAsync(context);
        context.ChangeTracker.Clear();
        context.Record(Message(pair.Second));
        await SaveAsync(context, fails: ending != Ending.Commit);
    }

    private static async Task SeveralRowsAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context();
        if (ending != Ending.Commit)
        {
            // The same name twice, which is refused after the messages are in.
            context.AddRange(Order(pair.Second), Order(pair.Second));
            context.Record(Message(pair.Second));
            await SaveAsync(context, fails: true);
            context.ChangeTracker.Clear();
        }

        if (ending == Ending.Rollback)
            return;
        context.Add(Order(pair.First));
        context.Record(Message(pair.First));
        if (ending == Ending.Commit)
            context.Record(Message(pair.Second));
        await context.SaveChangesAsync(Cancellation);
    }

    private static Task NotAsync(Shop shop, Ending ending, Pair pair)
    {
        using var context = shop.Context();
        using var transaction = context.Database.BeginTransaction();
        context.Record(Message(pair.First));
        context.SaveChanges();
        transaction.CreateSavepoint("part");
        context.Record(Message(pair.Second));
        context.SaveChanges();
        if (ending == Ending.InnerRollback)
            transaction.RollbackToSavepoint("part");
        if (ending == Ending.Rollback)
            transaction.Rollback();
        else
            transaction.Commit();
        return Task.CompletedTask;
    }

    private static async Task AcceptedLaterAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        context.Record(Message(pair.First));
        await context.SaveChangesAsync(acceptAllChangesOnSuccess: false, Cancellation);
        context.ChangeTracker.AcceptAllChanges();
        await transaction.CreateSavepointAsync("part", Cancellation);
        context.Record(Message(pair.Second));
        await context.SaveChangesAsync(acceptAllChangesOnSuccess: false, Cancellation);
        await EndAsync(transaction, ending, "part");
    }

    private static async Task WithContextAsync(ShopContext given, Ending ending, Pair pair)
    {
        await using var context = given;
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        await RecordBothAsync(context, pair, () => transaction.CreateSavepointAsync("part", Cancellation));
        await EndAsync(transaction, ending, "part");
    }

    private static async Task UseTransactionAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await using (var context = shop.Context(connection))
        {
            await context.Database.UseTransactionAsync(transaction, Cancellation);
            await RecordBothAsync(context, pair, () => transaction.SaveAsync("part", Cancellation));
        }

        await EndAsync(transaction, ending, "part");
    }

    private static async Task ScopeAsync(Shop shop, Ending ending, Pair pair)
    {
        using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
        await using (var context = shop.Context())
        {
            context.Add(Order(pair.First));
            context.Record(Message(pair.First));
            await context.SaveChangesAsync(Cancellation);
        }

        // A scope within a scope is another transaction, or a vote for the outer one.
        using (var inner = new TransactionScope(
            ending == Ending.InnerRollback ? TransactionScopeOption.RequiresNew : TransactionScopeOption.Required, TransactionScopeAsyncFlowOption.Enabled))
        {
            await using var context = shop.Context();
            context.Record(Message(pair.Second));
            await context.SaveChangesAsync(Cancellation);
            if (ending != Ending.InnerRollback)
                inner.Complete();
        }

        if (ending != Ending.Rollback)
            scope.Complete();
    }

    private static async Task ScopeWithoutContextAsync(Shop shop, Ending ending, Pair pair)
    {
        using var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled);
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        await shop.Outbox.RecordAsync(connection, Message(pair.First), cancellationToken: Cancellation);
        await ExecuteAsync(connection, "SAVEPOINT mine");
        await shop.Outbox.RecordAsync(connection, Message(pair.Second), cancellationToken: Cancellation);
        if (ending == Ending.InnerRollback)
            await ExecuteAsync(connection, "ROLLBACK TO mine");
        if (ending != Ending.Rollback)
            scope.Complete();
    }

    private static async Task SavepointReleasedAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        await transaction.CreateSavepointAsync("first", Cancellation);
        context.Record(Message(pair.First));
        await context.SaveChangesAsync(Cancellation);
        await transaction.ReleaseSavepointAsync("first", Cancellation);
        await transaction.CreateSavepointAsync("whole", Cancellation);
        await transaction.CreateSavepointAsync("part", Cancellation);
        context.Record(Message(pair.Second));
        await context.SaveChangesAsync(Cancellation);
        await transaction.ReleaseSavepointAsync("part", Cancellation);

        // Released, and undone all the same by what is around it.
        await EndAsync(transaction, ending, "whole");
    }

    private static async Task NestedSavepointsAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        await transaction.CreateSavepointAsync("whole", Cancellation);
        context.Record(Message(pair.First));
        await context.SaveChangesAsync(Cancellation);
        await transaction.CreateSavepointAsync("part", Cancellation);
        context.Record(Message(pair.Second));
        await context.SaveChangesAsync(Cancellation);
        if (ending == Ending.InnerRollback)
            await transaction.RollbackToSavepointAsync("part", Cancellation);
        await transaction.ReleaseSavepointAsync("whole", Cancellation);
        await EndAsync(transaction, ending == Ending.Rollback ? ending : Ending.Commit, "");
    }

    private static async Task RetryingAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context(npgsql => npgsql.EnableRetryOnFailure());
        var (first, second) = (Guid.CreateVersion7(), Guid.CreateVersion7());
        var runs = 0;
        await FailsAsync(ending == Ending.Rollback, () => context.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            context.ChangeTracker.Clear();
            await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
            var isFirst = ++runs == 1;
            if (isFirst || ending == Ending.Commit)
                context.Record(Message(pair.Second), second);
            if (!isFirst || ending != Ending.InnerRollback)
                context.Record(Message(pair.First), first);
            await context.SaveChangesAsync(Cancellation);

            // As after a serialisation failure or a lost connection, for which the strategy tries again.
            if (isFirst && ending == Ending.InnerRollback)
                await context.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40001'; END $$", Cancellation);
            if (ending == Ending.Rollback)
                throw new NotSupportedException("mine");
            await transaction.CommitAsync(Cancellation);
        }));
    }

    private static async Task RetryingWithoutTransactionAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context(npgsql => npgsql.EnableRetryOnFailure());
        context.Record(Message(pair.First));
        if (ending != Ending.InnerRollback)
            context.Record(Message(pair.Second));
        if (ending == Ending.Rollback)
            context.AddRange(Order(pair.Second), Order(pair.Second));
        await SaveAsync(context, fails: ending == Ending.Rollback);
    }

    private static async Task PooledAsync(Shop shop, Ending ending, Pair pair)
    {
        var pool = new PooledDbContextFactory<ShopContext>(shop.Options(), poolSize: 1);

        // Given back with a message that was never saved: the next one who gets this context does not send it.
        if (ending == Ending.InnerRollback)
        {
            await using var before = await pool.CreateDbContextAsync(Cancellation);
            before.Record(Message(pair.Second));
        }

        await using var context = await pool.CreateDbContextAsync(Cancellation);
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        context.Record(Message(pair.First));
        if (ending != Ending.InnerRollback)
            context.Record(Message(pair.Second));
        await context.SaveChangesAsync(Cancellation);
        await EndAsync(transaction, ending == Ending.Rollback ? ending : Ending.Commit, "");
    }

    private static async Task PooledFromServicesAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var services = new ServiceCollection()
            .AddDbContextPool<ShopContext>(options => options.UseNpgsql(shop.Source).UseOutbox(shop.Services))
            .BuildServiceProvider();
        await using var scope = services.CreateAsyncScope();
        await WithContextAsync(scope.ServiceProvider.GetRequiredService<ShopContext>(), ending, pair);
    }

    private static async Task FactoryAsync(Shop shop, Ending ending, Pair pair)
    {
        var factory = shop.Services.GetRequiredService<IDbContextFactory<ShopContext>>();
        await WithContextAsync(await factory.CreateDbContextAsync(Cancellation), ending, pair);
    }

    private static async Task TwoContextsAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await using var one = shop.Context(connection);
        await using var other = shop.Context(connection);
        await one.Database.UseTransactionAsync(transaction, Cancellation);
        await other.Database.UseTransactionAsync(transaction, Cancellation);
        one.Record(Message(pair.First));
        await one.SaveChangesAsync(Cancellation);
        await transaction.SaveAsync("part", Cancellation);
        other.Record(Message(pair.Second));
        await other.SaveChangesAsync(Cancellation);
        await EndAsync(transaction, ending, "part");
    }

    private static async Task PlainAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await shop.Outbox.RecordAsync(transaction, Message(pair.First), cancellationToken: Cancellation);
        await transaction.SaveAsync("part", Cancellation);
        await shop.Outbox.RecordManyAsync(transaction, [Message(pair.Second)], Cancellation);
        await EndAsync(transaction, ending, "part");
    }

    private static async Task PlainWithoutTransactionAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        if (ending == Ending.Rollback)
            await ExecuteAsync(connection, "SET default_transaction_read_only = on");
        await FailsAsync(ending == Ending.Rollback, () => shop.Outbox.RecordAsync(connection, Message(pair.First), cancellationToken: Cancellation));
        if (ending == Ending.InnerRollback)
            await ExecuteAsync(connection, "SET default_transaction_read_only = on");
        await FailsAsync(ending != Ending.Commit, () => shop.Outbox.RecordAsync(connection, Message(pair.Second), cancellationToken: Cancellation));
    }

    /// <summary>As Dapper or psql would: the table is public, and whoever wants it quick tells which transaction it was.</summary>
    private static async Task RawCommandAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var connection = await shop.Source.OpenConnectionAsync(Cancellation);
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await InsertAsync(pair.First);
        await transaction.SaveAsync("part", Cancellation);
        await InsertAsync(pair.Second);
        await EndAsync(transaction, ending, "part");

        async Task InsertAsync(int number)
        {
            await using var command = connection.CreateCommand();
            command.CommandText =
                $$"""
                INSERT INTO databus_outbox.message (message_id, type, content)
                VALUES (gen_random_uuid(), 'order-placed', '{"number":{{number}}}') RETURNING transaction::text, id
                """;
            await using var row = await command.ExecuteReaderAsync(Cancellation);
            Assert.True(await row.ReadAsync(Cancellation));
            shop.Outbox.Recorded(ulong.Parse(row.GetString(0), CultureInfo.InvariantCulture), row.GetInt64(1));
        }
    }

    private static async Task AtomicAsync(Shop shop, Ending ending, Pair pair)
    {
        var atomic = new Transactions.Atomic(shop.Source);
        var runs = 0;
        await FailsAsync(ending == Ending.Rollback, () => atomic.RunAsync(
            async (transaction, stop) =>
            {
                var isFirst = ++runs == 1;
                if (isFirst || ending == Ending.Commit)
                    await shop.Outbox.RecordAsync(transaction, Message(pair.Second), cancellationToken: stop);
                if (isFirst && ending == Ending.InnerRollback)
                    await ExecuteAsync((NpgsqlConnection)transaction.Connection!, "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$");
                await shop.Outbox.RecordAsync(transaction, Message(pair.First), cancellationToken: stop);
                if (ending == Ending.Rollback)
                    throw new NotSupportedException("mine");
            },
            cancellationToken: Cancellation));
    }

    private static async Task AtomicContextAsync(Shop shop, Ending ending, Pair pair)
    {
        await using var context = shop.Context();
        var runs = 0;
        await FailsAsync(ending == Ending.Rollback, () => context.AtomicAsync(
            async stop =>
            {
                var isFirst = ++runs == 1;
                if (isFirst || ending == Ending.Commit)
                    context.Record(Message(pair.Second));
                await context.SaveChangesAsync(stop);
                if (isFirst && ending == Ending.InnerRollback)
                    await context.Database.ExecuteSqlRawAsync("DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '40P01'; END $$", stop);

                // Not saved here: that is done at the end.
                context.Record(Message(pair.First));
                if (ending == Ending.Rollback)
                    throw new NotSupportedException("mine");
            },
            cancellationToken: Cancellation));
    }

    private static async Task RecordBothAsync(ShopContext context, Pair pair, Func<Task> createSavepoint)
    {
        context.Add(Order(pair.First));
        context.Record(Message(pair.First));
        await context.SaveChangesAsync(Cancellation);
        await createSavepoint();
        context.Record(Message(pair.Second));
        await context.SaveChangesAsync(Cancellation);
    }

    private static async Task EndAsync(IDbContextTransaction transaction, Ending ending, string savepoint)
    {
        if (ending == Ending.InnerRollback)
            await transaction.RollbackToSavepointAsync(savepoint, Cancellation);
        if (ending == Ending.Rollback)
            await transaction.RollbackAsync(Cancellation);
        else
            await transaction.CommitAsync(Cancellation);
    }

    private static async Task EndAsync(NpgsqlTransaction transaction, Ending ending, string savepoint)
    {
        if (ending == Ending.InnerRollback)
            await transaction.RollbackAsync(savepoint, Cancellation);
        if (ending == Ending.Rollback)
            await transaction.RollbackAsync(Cancellation);
        else
            await transaction.CommitAsync(Cancellation);
    }

    private static Task SaveAsync(ShopContext context, bool fails) => FailsAsync(fails, () => context.SaveChangesAsync(Cancellation));

    private static async Task FailsAsync(bool fails, Func<Task> action)
    {
        if (fails)
            await Assert.ThrowsAnyAsync<Exception>(action);
        else
            await action();
    }

    private static Task ReadOnlyAsync(ShopContext context) => ExecuteAsync((NpgsqlConnection)context.Database.GetDbConnection(), "SET default_transaction_read_only = on");

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await command.ExecuteNonQueryAsync(Cancellation);
    }
}
