using System.Data;
using System.Data.Common;
using Databus.StoreSuite.Transactions;
using Databus.Testing.Servers;
using Databus.Transactions;
using Npgsql;

namespace Databus.Postgres.Tests.Transactions;

public sealed class PostgresAtomicTests : AtomicTests
{
    private string _database = "";

    [Fact]
    public async Task A_serialisation_failure_runs_again_and_nothing_is_lost()
    {
        var runs = 0;
        var options = new AtomicOptions { Isolation = IsolationLevel.Serializable };
        var losing = Atomic.RunAsync(
            async (transaction, stop) =>
            {
                var amount = await ReadAsync(transaction);
                if (++runs == 1)
                {
                    await using var other = await Database.OpenConnectionAsync(stop);
                    await ExecuteAsync(other, "UPDATE account SET amount = amount + 5 WHERE name = 'shared'");
                }

                await ExecuteAsync(transaction.Connection!, $"UPDATE account SET amount = {amount + 1} WHERE name = 'shared'", transaction);
            },
            options, Cancellation);
        await PassWaitAsync();
        await losing;
        Assert.Equal(2, runs);
        Assert.Equal(6, await SharedAsync());
    }

    [Fact]
    public async Task A_serialisation_failure_at_the_commit_runs_again()
    {
        // Each reads what the other writes: both updates go through, and one of the commits does not.
        await using (var connection = await Database.OpenConnectionAsync(Cancellation))
            await ExecuteAsync(connection, "INSERT INTO account VALUES ('left', 1), ('right', 1)");
        var options = new AtomicOptions { Isolation = IsolationLevel.Serializable };
        var bothRead = new Barrier();
        var runs = 0;
        var running = Task.WhenAll(TakeAsync("left"), TakeAsync("right"));
        await PassWaitAsync();
        await running;
        Assert.Equal(3, runs);
        await using var sum = Database.CreateCommand("SELECT sum(amount)::int FROM account WHERE name IN ('left', 'right')");
        Assert.Equal(1, await sum.ExecuteScalarAsync(Cancellation));

        Task TakeAsync(string name) => Atomic.RunAsync(
            async (transaction, _) =>
            {
                var run = Interlocked.Increment(ref runs);
                await using var both = transaction.Connection!.CreateCommand();
                both.CommandText = "SELECT sum(amount)::int FROM account WHERE name IN ('left', 'right')";
                var enough = (int)(await both.ExecuteScalarAsync(Cancellation))! > 1;
                if (run <= 2)
                    await bothRead.PassAsync();
                if (enough)
                    await ExecuteAsync(transaction.Connection!, $"UPDATE account SET amount = 0 WHERE name = '{name}'", transaction);
            },
            options, Cancellation);
    }

    [Fact]
    public async Task A_deadlock_runs_again()
    {
        await using (var connection = await Database.OpenConnectionAsync(Cancellation))
            await ExecuteAsync(connection, "INSERT INTO account VALUES ('left', 0), ('right', 0)");
        var bothHold = new Barrier();
        var runs = 0;
        var running = Task.WhenAll(AddAsync("left", "right"), AddAsync("right", "left"));
        await PassWaitAsync();
        await running;
        Assert.Equal(3, runs);
        await using var sum = Database.CreateCommand("SELECT sum(amount)::int FROM account WHERE name IN ('left', 'right')");
        Assert.Equal(4, await sum.ExecuteScalarAsync(Cancellation));

        Task AddAsync(string first, string second) => Atomic.RunAsync(
            async (transaction, _) =>
            {
                var run = Interlocked.Increment(ref runs);
                await ExecuteAsync(transaction.Connection!, $"UPDATE account SET amount = amount + 1 WHERE name = '{first}'", transaction);
                if (run <= 2)
                    await bothHold.PassAsync();
                await ExecuteAsync(transaction.Connection!, $"UPDATE account SET amount = amount + 1 WHERE name = '{second}'", transaction);
            },
            cancellationToken: Cancellation);
    }

    [Fact]
    public async Task A_commit_that_the_database_turned_into_a_rollback_is_no_success()
    {
        // After an error a transaction can only be rolled back, and PostgreSQL does so without a word when it is told to commit.
        var error = await Assert.ThrowsAsync<PostgresException>(() => Atomic.RunAsync(
            async (transaction, _) =>
            {
                await InsertAsync(transaction, "a");
                await Assert.ThrowsAsync<PostgresException>(() => InsertAsync(transaction, "shared"));
            },
            cancellationToken: Cancellation));
        Assert.Equal(PostgresErrorCodes.InFailedSqlTransaction, error.SqlState);
    }

    [Fact]
    public async Task A_connection_that_breaks_at_the_commit_is_not_tried_again()
    {
        var runs = 0;
        await Assert.ThrowsAnyAsync<DbException>(() => Atomic.RunAsync(
            async (transaction, _) =>
            {
                runs++;
                await InsertAsync(transaction, "a");
                await (await SharedPostgres.GetAsync()).TerminateBackendsAsync(_database);
            },
            cancellationToken: Cancellation));
        Assert.Equal(1, runs);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await (await SharedPostgres.GetAsync()).DropDatabaseAsync(_database);
        GC.SuppressFinalize(this);
    }

    protected override async Task<DbDataSource> OpenAsync()
    {
        var server = await SharedPostgres.GetAsync();
        _database = await server.CreateDatabaseAsync();
        return NpgsqlDataSource.Create(server.ConnectionString(_database));
    }

    private static async Task<int> ReadAsync(DbTransaction transaction)
    {
        await using var command = transaction.Connection!.CreateCommand();
        command.CommandText = "SELECT amount FROM account WHERE name = 'shared'";
        return (int)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    /// <summary>Lets two pass when both have come.</summary>
    private sealed class Barrier
    {
        private readonly TaskCompletionSource _both = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _come;

        public Task PassAsync()
        {
            if (Interlocked.Increment(ref _come) == 2)
                _both.SetResult();
            return _both.Task;
        }
    }
}
