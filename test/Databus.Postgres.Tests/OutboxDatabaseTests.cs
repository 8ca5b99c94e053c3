using System.Globalization;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.Storage;
using Databus.StoreSuite.Outbox;
using Databus.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>What a database does to the outbox that a file does not: it ends statements, is restored while it runs, and chooses plans.</summary>
public sealed class OutboxDatabaseTests : IAsyncDisposable
{
    private readonly OutboxPostgresHome _home = new();
    private readonly Mailbox _box = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync() => await _home.DisposeAsync();

    [Fact]
    public async Task A_statement_that_the_database_ends_is_a_database_that_does_not_answer()
    {
        await using (var opened = _home.Create(TimeProvider.System))
            await opened.OpenAsync(migrate: true, Cancellation);
        await using var holder = await ConnectAsync();
        await ExecuteAsync(holder, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET statement_timeout = 50', current_database()); END $$");
        await using var transaction = await holder.BeginTransactionAsync(Cancellation);
        await ExecuteAsync(holder, "LOCK TABLE databus_outbox.message IN ACCESS EXCLUSIVE MODE");
        await using var store = _home.Create(TimeProvider.System);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.PendingAsync(Cancellation));
        Assert.Equal(StoreProblem.Unavailable, error.Problem);
    }

    [Fact]
    public async Task Ids_that_are_given_again_are_found_again()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await using var connection = await ConnectAsync();
        for (var number = 1; number <= 20; number++)
        {
            await node.Client.RecordAsync(connection, new Note($"{number}"), cancellationToken: Cancellation);
            Assert.True(await _box.HasAsync(number));
        }

        // As a restore of an older state leaves them.
        await ExecuteAsync(connection, "ALTER SEQUENCE databus_outbox.message_id RESTART; ALTER SEQUENCE databus_outbox.claim_id RESTART");
        for (var number = 21; number <= 25; number++)
            await node.Client.RecordAsync(connection, new Note($"{number}"), cancellationToken: Cancellation);
        Assert.True(await _box.HasAsync(25));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_look_passes_no_messages_of_other_types_or_keys(bool failed)
    {
        // Plans are made while there is nothing.
        Assert.InRange(await ReadByLooksAsync(before: "SELECT", then: OthersAndTwenty(failed)), 20, 2000);
    }

    [Fact]
    public async Task A_look_passes_nothing_that_waits_when_there_was_none_as_its_plan_was_made()
    {
        Assert.InRange(
            await ReadByLooksAsync(
                before: "INSERT INTO databus_outbox.message (message_id, type, content) SELECT gen_random_uuid(), 'note', '1' FROM generate_series(1, 20000) n",
                then: """
                    INSERT INTO databus_outbox.message (message_id, type, content, due_at)
                    SELECT gen_random_uuid(), 'note', '1', now() + interval '1 day' FROM generate_series(1, 20000) n
                    """),
            20, 2000);
    }

    [Fact]
    public async Task What_is_claimed_is_hashed_however_much_of_it_the_planner_expects()
    {
        await using var connection = await ConnectAsync();
        await using (var store = _home.Create(TimeProvider.System))
            await store.OpenAsync(migrate: true, Cancellation);

        // As a table looks that many claims went through since it was last vacuumed.
        await ExecuteAsync(connection, """
            ALTER TABLE databus_outbox.claim SET (autovacuum_enabled = false);
            INSERT INTO databus_outbox.claim (token, type, whole_type, ids, lease_until)
            SELECT gen_random_uuid(), 'gone', false, (SELECT array_agg(i) FROM generate_series(1, 500) i), now() FROM generate_series(1, 2000) n;
            DELETE FROM databus_outbox.claim;
            INSERT INTO databus_outbox.message (message_id, type, order_key, content)
            SELECT gen_random_uuid(), 'note', 'k' || n, n::text FROM generate_series(1, 20000) n;
            ANALYZE databus_outbox.message
            """);
        using var plans = new ExplainedPlans();
        await using var source = plans.Connect(_home.ConnectionString);
        await using (var store = new PostgresOutbox(new OutboxDatabase(source), NullLogger<PostgresOutbox>.Instance))
            Assert.Equal(4, await LookAsync(store));
        var plan = Assert.Single(plans.Lines, line => line.Contains("CTE candidate", StringComparison.Ordinal));
        Assert.Contains("NOT (hashed SubPlan", plan, StringComparison.Ordinal);
        Assert.DoesNotContain("NOT (SubPlan", plan, StringComparison.Ordinal);
    }

    private async Task<NpgsqlConnection> ConnectAsync() => (NpgsqlConnection)await _home.ConnectAsync();

    /// <summary>Twenty thousand that nobody looks for, before twenty that somebody does.</summary>
    private static string OthersAndTwenty(bool failed) => $"""
        INSERT INTO databus_outbox.message (id, message_id, type, order_key, content, due_at)
        SELECT nextval('databus_outbox.message_id'), gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 'other' ELSE 'note' END, 'k' || n, '1',
            {(failed ? "now() + interval '1 day'" : "CASE WHEN n % 2 = 0 THEN NULL ELSE now() + interval '1 day' END")}
        FROM generate_series(1, 20000) n;
        INSERT INTO databus_outbox.message (message_id, type, order_key, content) SELECT gen_random_uuid(), 'note', 'a' || n, n::text FROM generate_series(1, 20) n
        """;

    /// <summary>How many index entries of messages five looks for four read, whose plans were made before the database was filled.</summary>
    private async Task<long> ReadByLooksAsync(string before, string then)
    {
        await using var connection = await ConnectAsync();
        long start;
        await using (var store = _home.Create(TimeProvider.System))
        {
            await store.OpenAsync(migrate: true, Cancellation);
            await ExecuteAsync(connection, before);
            await ExecuteAsync(connection, "VACUUM ANALYZE databus_outbox.message");
            for (var times = 0; times < 10; times++)
                await LookAsync(store);
            await ExecuteAsync(connection, then);
            start = await ReadAsync(connection);
            for (var times = 0; times < 5; times++)
                Assert.Equal(4, await LookAsync(store));
        }

        // What a connection read is told at its end, at the latest.
        Assert.True(await Deadline.WaitAsync(
            async () => await connection.Command(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'databus-outbox'").ValueAsync(Cancellation) is 0L,
            TimeSpan.FromMinutes(1), Cancellation));
        return await ReadAsync(connection) - start;
    }

    private static async Task<int> LookAsync(IOutboxStore store)
    {
        var claims = await store.ClaimAsync([new OutboxLook("note", Guid.NewGuid(), 4)], TimeSpan.FromMinutes(1), underWay: [], Cancellation);
        return claims.Batches.Sum(batch => batch.Messages.Count);
    }

    private static Task<int> ExecuteAsync(NpgsqlConnection connection, string sql) => connection.Command(sql).RunAsync(Cancellation);

    /// <summary>Index entries of messages that were read so far.</summary>
    private static async Task<long> ReadAsync(NpgsqlConnection connection)
    {
        await connection.Command("SELECT pg_stat_clear_snapshot()").RunAsync(Cancellation);
        return Convert.ToInt64(
            await connection.Command("SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'databus_outbox' AND relname = 'message'").ValueAsync(Cancellation),
            CultureInfo.InvariantCulture);
    }
}
