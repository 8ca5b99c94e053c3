using System.Data;
using Databus.Transactions;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>Functions in one transaction of a context, and rows locked by their keys.</summary>
public sealed class AtomicContextTests(Shop shop)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Changes_are_saved_and_committed(bool retryingStrategy)
    {
        var name = Name();
        await using var context = Context(retryingStrategy);
        var order = await context.AtomicAsync(_ => Task.FromResult(context.Add(new Order { Name = name }).Entity), cancellationToken: Cancellation);
        Assert.True(order.Id > 0);
        Assert.Equal(1, await CountAsync(name));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_who_add_to_one_row_lose_nothing(bool retryingStrategy)
    {
        var name = await NewOrderAsync();
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            await using var context = Context(retryingStrategy);
            await context.AtomicAsync(
                async stop =>
                {
                    var order = await context.Orders.SingleAsync(one => one.Name == name, stop);
                    order.Amount++;
                },
                new AtomicOptions { MaxAttempts = 100, Isolation = IsolationLevel.Serializable }, Cancellation);
        }));
        Assert.Equal(8, await AmountAsync(name));
    }

    [Fact]
    public async Task A_row_that_changed_meanwhile_runs_again()
    {
        var name = await NewOrderAsync();
        var runs = 0;
        await using var context = shop.Context();
        await context.AtomicAsync(
            async stop =>
            {
                var order = await context.Orders.SingleAsync(one => one.Name == name, stop);
                if (++runs == 1)
                    await shop.ExecuteAsync($"UPDATE \"Shop's own\".order SET \"Amount\" = 40 WHERE \"Name\" = '{name}'");
                order.Amount += 2;
            },
            cancellationToken: Cancellation);
        Assert.Equal(2, runs);
        Assert.Equal(42, await AmountAsync(name));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task A_violated_constraint_runs_again_where_that_is_wanted(bool joined, bool retryingStrategy)
    {
        var name = await NewOrderAsync();
        var runs = 0;
        var wanted = new AtomicOptions { RetriesIntegrityErrors = true };
        await using var context = Context(retryingStrategy);
        if (joined)
            await context.AtomicAsync(stop => context.AtomicAsync(GetOrCreateAsync, wanted, stop), cancellationToken: Cancellation);
        else
            await context.AtomicAsync(GetOrCreateAsync, wanted, Cancellation);
        Assert.Equal(2, runs);
        Assert.Equal(1, await AmountAsync(name));

        // The first time it looks too early, and somebody else creates it.
        async Task GetOrCreateAsync(CancellationToken stop)
        {
            var order = ++runs == 1 ? null : await context.Orders.SingleOrDefaultAsync(one => one.Name == name, stop);
            if (order is null)
                context.Add(order = new Order { Name = name });
            order.Amount++;
        }
    }

    [Fact]
    public async Task A_violated_constraint_reaches_the_caller_otherwise()
    {
        var name = await NewOrderAsync();
        await using var context = shop.Context();
        await Assert.ThrowsAsync<DbUpdateException>(() => context.AtomicAsync(_ => Task.FromResult(context.Add(new Order { Name = name })), cancellationToken: Cancellation));
    }

    [Fact]
    public async Task A_function_within_a_function_joins_and_goes_with_it()
    {
        var (outer, inner) = (Name(), Name());
        await using var context = shop.Context();
        await Assert.ThrowsAsync<TimeoutException>(() => context.AtomicAsync(
            async stop =>
            {
                context.Add(new Order { Name = outer });
                await context.AtomicAsync(_ => Task.FromResult(context.Add(new Order { Name = inner })), cancellationToken: stop);
                Assert.Equal(2, await context.Orders.CountAsync(order => order.Name == outer || order.Name == inner, stop));
                throw new TimeoutException();
            },
            cancellationToken: Cancellation));
        Assert.Equal(0, await CountAsync(outer) + await CountAsync(inner));
    }

    [Fact]
    public async Task What_failed_half_done_is_not_committed_although_its_error_was_caught()
    {
        var name = Name();
        await using var context = shop.Context();
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.AtomicAsync(
            async stop =>
            {
                context.Add(new Order { Name = name });
                await Assert.ThrowsAsync<TimeoutException>(() => context.AtomicAsync(_ => throw new TimeoutException(), cancellationToken: stop));
            },
            cancellationToken: Cancellation));
        Assert.Equal(0, await CountAsync(name));
    }

    [Fact]
    public async Task What_failed_within_a_run_that_a_strategy_repeats_is_forgotten()
    {
        var name = Name();
        var runs = 0;
        await using var context = Context(retryingStrategy: true);
        await context.AtomicAsync(
            stop => context.AtomicAsync(
                async within =>
                {
                    context.Add(new Order { Name = name });
                    if (++runs == 1)
                        await context.Database.ExecuteSqlRawAsync("SELECT pg_terminate_backend(pg_backend_pid())", within);
                },
                cancellationToken: stop),
            cancellationToken: Cancellation);
        Assert.Equal(2, runs);
        Assert.Equal(1, await CountAsync(name));
    }

    [Fact]
    public async Task In_a_transaction_of_the_caller_it_joins_that()
    {
        var name = Name();
        await using var context = shop.Context();
        await using (var transaction = await context.Database.BeginTransactionAsync(Cancellation))
        {
            await context.AtomicAsync(_ => Task.FromResult(context.Add(new Order { Name = name })), cancellationToken: Cancellation);
            await transaction.RollbackAsync(Cancellation);
        }

        Assert.Equal(0, await CountAsync(name));
    }

    [Fact]
    public async Task Changes_that_another_run_would_lose_are_refused()
    {
        await using var context = shop.Context();
        context.Add(new Order { Name = Name() });
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.AtomicAsync(_ => Task.CompletedTask, cancellationToken: Cancellation));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_error_at_the_commit_is_not_tried_again(bool retryingStrategy)
    {
        // The connection breaks as the commit is sent; a strategy would call that transient.
        var runs = 0;
        await using var context = Context(retryingStrategy);
        await context.Database.OpenConnectionAsync(Cancellation);
        await Assert.ThrowsAnyAsync<Exception>(() => context.AtomicAsync(
            async stop =>
            {
                runs++;
                await context.Database.ExecuteSqlRawAsync(
                    "CREATE FUNCTION pg_temp.die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'", stop);
                await context.Database.ExecuteSqlRawAsync("CREATE TEMP TABLE last (id int)", stop);
                await context.Database.ExecuteSqlRawAsync(
                    "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON last DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pg_temp.die()", stop);
                await context.Database.ExecuteSqlRawAsync("INSERT INTO last VALUES (1)", stop);
            },
            cancellationToken: Cancellation));
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task A_locked_row_is_the_lockers_until_the_end()
    {
        var name = await NewOrderAsync();
        await using var context = shop.Context();
        await using var other = shop.Context();
        var id = (await context.Orders.AsNoTracking().SingleAsync(order => order.Name == name, Cancellation)).Id;
        await context.AtomicAsync(
            async stop =>
            {
                var mine = await context.LockAsync<Order>(id, stop);
                mine!.Amount = 5;
                await using var transaction = await other.Database.BeginTransactionAsync(stop);
                await other.Database.ExecuteSqlRawAsync("SET LOCAL lock_timeout = '100ms'", stop);
                var error = await Assert.ThrowsAsync<PostgresException>(() => other.LockAsync<Order>(id, stop));
                Assert.Equal(PostgresErrorCodes.LockNotAvailable, error.SqlState);
            },
            cancellationToken: Cancellation);
        await using var after = await other.Database.BeginTransactionAsync(Cancellation);
        Assert.Equal(5, (await other.LockAsync<Order>(id, Cancellation))!.Amount);
    }

    [Fact]
    public async Task What_the_context_knew_is_read_anew_once_the_row_is_locked()
    {
        var name = await NewOrderAsync();
        await using var context = shop.Context();
        var known = await context.Orders.SingleAsync(order => order.Name == name, Cancellation);
        await shop.ExecuteAsync($"UPDATE \"Shop's own\".order SET \"Amount\" = 7 WHERE \"Name\" = '{name}'");
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        Assert.Same(known, await context.LockAsync<Order>(known.Id, Cancellation));
        Assert.Equal(7, known.Amount);
        known.Amount++;
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.LockAsync<Order>(known.Id, Cancellation));
        await context.SaveChangesAsync(Cancellation);
        await transaction.CommitAsync(Cancellation);
        Assert.Equal(8, await AmountAsync(name));
    }

    [Fact]
    public async Task A_key_of_two_is_locked_and_what_is_not_there_is_null()
    {
        var row = Name();
        await using var context = shop.Context();
        context.Add(new Shelf { Row = row, Place = 3, Content = "books" });
        await context.SaveChangesAsync(Cancellation);
        context.ChangeTracker.Clear();
        await Assert.ThrowsAsync<InvalidOperationException>(() => context.LockAsync<Shelf>([row, 3], Cancellation));
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        Assert.Equal("books", (await context.LockAsync<Shelf>([row, 3], Cancellation))!.Content);
        Assert.Null(await context.LockAsync<Shelf>([row, 4], Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => context.LockAsync<Shelf>([row], Cancellation));
    }

    private ShopContext Context(bool retryingStrategy) => shop.Context(npgsql =>
    {
        if (retryingStrategy)
            npgsql.EnableRetryOnFailure();
    });

    private string Name() => $"atomic {shop.NewNumber()}";

    private async Task<string> NewOrderAsync()
    {
        var name = Name();
        await using var context = shop.Context();
        context.Add(new Order { Name = name });
        await context.SaveChangesAsync(Cancellation);
        return name;
    }

    private Task<long> CountAsync(string name) => shop.CountAsync("\"Shop's own\".order", $"\"Name\" = '{name}'");

    private async Task<int> AmountAsync(string name)
    {
        await using var context = shop.Context();
        return (await context.Orders.SingleAsync(order => order.Name == name, Cancellation)).Amount;
    }
}
