using System.Data.Common;
using System.Globalization;
using Databus.Testing;
using Databus.Transactions;

namespace Databus.StoreSuite.Transactions;

/// <summary>Functions in one transaction, on a real database.</summary>
public abstract class AtomicTests : IAsyncLifetime
{
    protected FakeClock Clock { get; } = new();

    protected DbDataSource Database { get; private set; } = null!;

    protected Atomic Atomic { get; private set; } = null!;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Database = await OpenAsync();
        Atomic = new Atomic(Database, Clock);
        await using var connection = await Database.OpenConnectionAsync(Cancellation);
        await ExecuteAsync(connection, "CREATE TABLE account (name text PRIMARY KEY, amount integer NOT NULL)");
        await ExecuteAsync(connection, "INSERT INTO account VALUES ('shared', 0)");
    }

    public virtual async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task What_a_function_did_is_committed_and_what_it_returned_is_returned()
    {
        Assert.Equal(7, await Atomic.RunAsync(
            async (transaction, _) =>
            {
                await InsertAsync(transaction, "a");
                return 7;
            },
            cancellationToken: Cancellation));
        Assert.Equal(["a", "shared"], await NamesAsync());
    }

    [Fact]
    public async Task A_function_that_fails_leaves_nothing_and_its_error_reaches_the_caller_at_once()
    {
        var runs = 0;
        var error = await Assert.ThrowsAsync<TimeoutException>(() => Atomic.RunAsync(
            async (transaction, _) =>
            {
                runs++;
                await InsertAsync(transaction, "a");
                throw new TimeoutException("mine");
            },
            cancellationToken: Cancellation));
        Assert.Equal("mine", error.Message);
        Assert.Equal(1, runs);
        Assert.Equal(["shared"], await NamesAsync());
    }

    [Fact]
    public async Task A_function_within_a_function_joins_its_transaction()
    {
        await Atomic.RunAsync(
            async (outer, _) =>
            {
                await InsertAsync(outer, "outer");
                await Atomic.RunAsync(
                    async (inner, _) =>
                    {
                        Assert.Same(outer, inner);
                        await InsertAsync(inner, "inner");
                    },
                    cancellationToken: Cancellation);
            },
            cancellationToken: Cancellation);
        Assert.Equal(["inner", "outer", "shared"], await NamesAsync());
    }

    [Fact]
    public async Task What_joined_goes_with_the_outermost()
    {
        await Assert.ThrowsAsync<TimeoutException>(() => Atomic.RunAsync(
            async (_, _) =>
            {
                await Atomic.RunAsync((inner, _) => InsertAsync(inner, "inner"), cancellationToken: Cancellation);
                throw new TimeoutException();
            },
            cancellationToken: Cancellation));
        Assert.Equal(["shared"], await NamesAsync());
    }

    [Fact]
    public async Task What_failed_half_done_is_not_committed_although_its_error_was_caught()
    {
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => Atomic.RunAsync(
            async (outer, _) =>
            {
                await InsertAsync(outer, "outer");
                await Assert.ThrowsAsync<TimeoutException>(() => Atomic.RunAsync(
                    async (inner, _) =>
                    {
                        await InsertAsync(inner, "half");
                        throw new TimeoutException();
                    },
                    cancellationToken: Cancellation));
            },
            cancellationToken: Cancellation));
        Assert.IsType<TimeoutException>(error.InnerException);
        Assert.Equal(["shared"], await NamesAsync());
    }

    [Fact]
    public async Task What_comes_after_the_end_has_a_transaction_of_its_own()
    {
        var committed = new TaskCompletionSource();
        var late = Task.CompletedTask;
        await Atomic.RunAsync(
            (_, _) =>
            {
                late = AfterAsync();
                return Task.CompletedTask;

                async Task AfterAsync()
                {
                    await committed.Task;
                    await Atomic.RunAsync((own, _) => InsertAsync(own, "late"), cancellationToken: Cancellation);
                }
            },
            cancellationToken: Cancellation);
        committed.SetResult();
        await late;
        Assert.Equal(["late", "shared"], await NamesAsync());
    }

    [Fact]
    public async Task Functions_beside_each_other_have_transactions_of_their_own()
    {
        await Task.WhenAll(Enumerable.Range(0, 20).Select(number => new Atomic(Database).RunAsync(
            async (transaction, _) =>
            {
                await InsertAsync(transaction, $"n{number}");
                await ExecuteAsync(transaction.Connection!, "UPDATE account SET amount = amount + 1 WHERE name = 'shared'", transaction);
            },
            cancellationToken: Cancellation)));
        Assert.Equal(20, await SharedAsync());
        Assert.Equal(21, (await NamesAsync()).Count);
    }

    [Fact]
    public async Task A_violated_constraint_reaches_the_caller()
    {
        var runs = 0;
        await Assert.ThrowsAnyAsync<DbException>(() => Atomic.RunAsync(
            (transaction, _) =>
            {
                runs++;
                return InsertAsync(transaction, "shared");
            },
            cancellationToken: Cancellation));
        Assert.Equal(1, runs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_violated_constraint_runs_again_where_that_is_wanted(bool joined)
    {
        var wanted = new AtomicOptions { RetriesIntegrityErrors = true };
        var runs = 0;
        var running = joined
            ? Atomic.RunAsync((_, _) => Atomic.RunAsync(GetOrCreateAsync, wanted, Cancellation), cancellationToken: Cancellation)
            : Atomic.RunAsync(GetOrCreateAsync, wanted, Cancellation);
        await PassWaitAsync();
        await running;
        Assert.Equal(2, runs);
        Assert.Equal(["b", "shared"], await NamesAsync());

        // Somebody else was quicker the first time.
        Task GetOrCreateAsync(DbTransaction transaction, CancellationToken cancellationToken) =>
            InsertAsync(transaction, ++runs == 1 ? "shared" : "b");
    }

    [Fact]
    public async Task The_waits_double_and_the_last_error_is_thrown()
    {
        var options = new AtomicOptions
        {
            RetriesIntegrityErrors = true,
            MaxAttempts = 4,
            FirstWait = TimeSpan.FromSeconds(1),
            LongestWait = TimeSpan.FromSeconds(2),
        };
        var runs = 0;
        var running = Atomic.RunAsync(
            (transaction, _) =>
            {
                runs++;
                return InsertAsync(transaction, "shared");
            },
            options, Cancellation);
        foreach (var (least, most) in new[] { (0.8, 1.2), (1.6, 2.4), (1.6, 2.4) })
        {
            await Clock.WhenTimersAsync(1).WaitAsync(TimeSpan.FromSeconds(10));
            var before = runs;
            var waited = 0.0;
            for (; Clock.ActiveTimers > 0 && runs == before; waited += 0.01)
                Clock.Advance(TimeSpan.FromSeconds(0.01));
            Assert.InRange(waited, least, most + 0.01);
        }

        await Assert.ThrowsAnyAsync<DbException>(() => running);
        Assert.Equal(4, runs);
    }

    [Fact]
    public async Task Nothing_runs_again_once_it_is_cancelled()
    {
        using var stop = new CancellationTokenSource();
        var runs = 0;
        await Assert.ThrowsAnyAsync<DbException>(() => Atomic.RunAsync(
            async (transaction, _) =>
            {
                runs++;
                await stop.CancelAsync();
                await InsertAsync(transaction, "shared");
            },
            new AtomicOptions { RetriesIntegrityErrors = true }, stop.Token));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task Options_out_of_range_are_named()
    {
        foreach (var (wrong, name) in new[]
        {
            (new AtomicOptions { MaxAttempts = 0 }, nameof(AtomicOptions.MaxAttempts)),
            (new AtomicOptions { MaxAttempts = 101 }, nameof(AtomicOptions.MaxAttempts)),
            (new AtomicOptions { FirstWait = -TimeSpan.FromTicks(1) }, nameof(AtomicOptions.FirstWait)),
            (new AtomicOptions { LongestWait = TimeSpan.FromMinutes(2) }, nameof(AtomicOptions.LongestWait)),
        })
        {
            var error = await Assert.ThrowsAsync<ArgumentException>(() => Atomic.RunAsync((_, _) => Task.CompletedTask, wrong, Cancellation));
            Assert.StartsWith(name, error.Message, StringComparison.Ordinal);
        }
    }

    /// <summary>An empty database; it goes with the test.</summary>
    protected abstract Task<DbDataSource> OpenAsync();

    protected static async Task ExecuteAsync(DbConnection connection, string sql, DbTransaction? transaction = null)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    protected static Task InsertAsync(DbTransaction transaction, string name) =>
        ExecuteAsync(transaction.Connection!, $"INSERT INTO account VALUES ('{name}', 1)", transaction);

    /// <summary>What the account that is there from the start holds.</summary>
    protected async Task<int> SharedAsync()
    {
        await using var command = Database.CreateCommand("SELECT amount FROM account WHERE name = 'shared'");
        return Convert.ToInt32(await command.ExecuteScalarAsync(Cancellation), CultureInfo.InvariantCulture);
    }

    /// <summary>Lets the wait for the next try pass.</summary>
    protected async Task PassWaitAsync()
    {
        await Clock.WhenTimersAsync(1).WaitAsync(TimeSpan.FromSeconds(30));
        Clock.Advance(TimeSpan.FromMinutes(2));
    }

    private async Task<List<string>> NamesAsync()
    {
        var names = new List<string>();
        await using var command = Database.CreateCommand("SELECT name FROM account ORDER BY name");
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        while (await reader.ReadAsync(Cancellation))
            names.Add(reader.GetString(0));
        return names;
    }
}
