using System.Data.Common;
using System.Globalization;
using System.Transactions;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.StoreSuite.Outbox;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>What the database says about transactions, and shapes of them that SQLite does not have.</summary>
public sealed class OutboxTransactionTests : IAsyncDisposable
{
    private readonly OutboxPostgresHome _home = new();
    private readonly Mailbox _box = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync() => await _home.DisposeAsync();

    [Fact]
    public async Task The_end_of_a_transaction_is_known_as_soon_as_it_is_there()
    {
        await using var store = _home.Create(TimeProvider.System);
        await store.OpenAsync(migrate: true, Cancellation);
        await using var connection = (NpgsqlConnection)await _home.ConnectAsync();
        var transactions = new List<ulong>();
        foreach (var commits in new[] { true, false })
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            var record = await store.RecordAsync(
                connection, transaction, [new NewOutboxMessage(Guid.CreateVersion7(), "note", "k", "{}"u8.ToArray(), null)], Cancellation);
            transactions.Add(record.Transaction!.Value);
            Assert.DoesNotContain(await store.SettledAsync(transactions, Cancellation), settled => settled.Transaction == record.Transaction);
            if (commits)
                await transaction.CommitAsync(Cancellation);
            else
                await transaction.RollbackAsync(Cancellation);
        }

        var ends = await store.SettledAsync(transactions, Cancellation);
        Assert.Equal([(transactions[0], true), (transactions[1], false)], ends.Select(end => (end.Transaction, end.IsCommitted)).Order());
    }

    [Fact]
    public async Task Within_a_TransactionScope_it_is_sent_when_the_outermost_scope_has_completed()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box, options: OutboxNode.WithoutLooks);
        for (var number = 1; number <= 7; number++)
        {
            using (var outer = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            {
                await using var connection = await _home.ConnectAsync();
                using (var inner = new TransactionScope(TransactionScopeOption.Required, TransactionScopeAsyncFlowOption.Enabled))
                {
                    await node.Client.RecordAsync(connection, new Note($"{number}"), cancellationToken: Cancellation);
                    inner.Complete();
                }

                await Task.Delay(20, Cancellation);
                Assert.Equal(number - 1, _box.Mails.Count);
                outer.Complete();
            }

            Assert.True(await _box.HasAsync(number));
        }

        using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            await using var connection = await _home.ConnectAsync();
            await node.Client.RecordAsync(connection, new Note("phantom"), cancellationToken: Cancellation);
        }

        Assert.Equal(0, await node.Client.FlushAsync(cancellationToken: Cancellation));
        Assert.Equal(7, _box.Mails.Count);
    }

    [Fact]
    public async Task A_flush_within_a_TransactionScope_is_no_part_of_it()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box, notes => notes.AutoFlush = false);
        await using var connection = await _home.ConnectAsync();
        await node.Client.RecordAsync(connection, new Note("1"), cancellationToken: Cancellation);
        using (new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
            Assert.Equal(1, await node.Client.FlushAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
        Assert.Empty(await node.Client.PendingAsync(Cancellation));
    }

    [Fact]
    public async Task A_local_transaction_that_nobody_named_is_watched_all_the_same()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box, options: OutboxNode.WithoutLooks);
        for (var number = 1; number <= 7; number++)
        {
            await using var connection = await _home.ConnectAsync();
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await node.Client.RecordAsync(connection, new Note($"{number}"), cancellationToken: Cancellation);
            await Task.Delay(20, Cancellation);
            await transaction.CommitAsync(Cancellation);
            Assert.True(await _box.HasAsync(number));
        }
    }

    [Fact]
    public async Task What_a_process_without_a_relay_records_another_one_sends_at_once()
    {
        await using var sender = await OutboxNode.StartAsync(_home, _box, options: OutboxNode.WithoutLooks);
        await using var recorder = await OutboxNode.StartAsync(_home, new Mailbox(), options: options => options.Relay = false);
        for (var number = 1; number <= 15; number++)
        {
            await using var connection = await _home.ConnectAsync();
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await recorder.Client.RecordAsync(transaction, new Note($"{number}"), cancellationToken: Cancellation);
            await transaction.CommitAsync(Cancellation);
            Assert.True(await _box.HasAsync(number));
        }
    }

    [Fact]
    public async Task Plain_SQL_records_too_at_once_if_it_is_told_and_by_the_poll_if_not()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await using var connection = (NpgsqlConnection)await _home.ConnectAsync();
        await using (var command = new NpgsqlCommand(
            """INSERT INTO databus_outbox.message (message_id, type, content) VALUES (gen_random_uuid(), 'note', '{"Text":"told"}') RETURNING transaction::text, id""", connection))
        {
            await using var rows = await command.ExecuteReaderAsync(Cancellation);
            Assert.True(await rows.ReadAsync(Cancellation));
            node.Client.Recorded(ulong.Parse(rows.GetString(0), CultureInfo.InvariantCulture), rows.GetInt64(1));
        }

        Assert.True(await _box.HasAsync(1));
        await using (var command = new NpgsqlCommand(
            """INSERT INTO databus_outbox.message (message_id, type, content) VALUES (gen_random_uuid(), 'note', '{"Text":"not told"}')""", connection))
        {
            await command.ExecuteNonQueryAsync(Cancellation);
        }

        Assert.True(await _box.HasAsync(2));
        Assert.Equal(["told", "not told"], _box.Texts);
    }

    [Fact]
    public async Task Whoever_records_a_key_waits_for_those_before_who_record_the_same_and_for_nobody_else()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await using var slow = await _home.ConnectAsync();
        await using var first = await slow.BeginTransactionAsync(Cancellation);
        await node.Client.RecordAsync(first, new Note("1", "a"), cancellationToken: Cancellation);
        await using var quick = await _home.ConnectAsync();
        await node.Client.RecordAsync(quick, new Note("1", "b"), cancellationToken: Cancellation);
        await node.Client.RecordAsync(quick, new Note("no key"), cancellationToken: Cancellation);
        Assert.True(await _box.HasAsync(2));

        var second = node.Client.RecordAsync(quick, new Note("2", "a"), cancellationToken: Cancellation);
        await Task.WhenAny(second, Task.Delay(100, Cancellation));
        Assert.False(second.IsCompleted);
        await first.CommitAsync(Cancellation);
        await second;
        Assert.True(await _box.HasAsync(4));
        Assert.Equal(["1", "2"], _box.Mails.Where(mail => mail.Key == "a").Select(mail => mail.Text));
    }

    [Fact]
    public async Task A_low_id_that_is_committed_late_is_sent_though_higher_ones_went_before()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await using var slow = await _home.ConnectAsync();
        await using var late = await slow.BeginTransactionAsync(Cancellation);
        await node.Client.RecordAsync(late, new Note("late"), cancellationToken: Cancellation);
        await using var quick = await _home.ConnectAsync();
        await node.Client.RecordManyAsync(quick, Enumerable.Range(0, 500).Select(number => new Note($"{number}")), Cancellation);
        Assert.True(await _box.HasAsync(500));
        await late.CommitAsync(Cancellation);
        Assert.True(await _box.HasAsync(501));
        Assert.Equal("late", _box.Mails[^1].Text);
    }

    [Fact]
    public async Task A_transaction_that_is_open_elsewhere_delays_nothing()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await using var idle = (NpgsqlConnection)await _home.ConnectAsync();
        await using var open = await idle.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, Cancellation);
        await using (var command = new NpgsqlCommand("CREATE TABLE something (id integer); INSERT INTO something VALUES (1); SELECT count(*) FROM databus_outbox.message", idle))
            await command.ExecuteScalarAsync(Cancellation);
        await using var connection = await _home.ConnectAsync();
        for (var number = 1; number <= 100; number++)
            await node.Client.RecordAsync(connection, new Note($"{number}", "a"), cancellationToken: Cancellation);
        Assert.True(await _box.HasAsync(100));
        Assert.Equal(Enumerable.Range(1, 100).Select(number => $"{number}"), _box.Texts);
    }

    [Fact]
    public async Task Two_that_record_the_same_keys_in_another_order_do_not_wait_for_each_other()
    {
        await using var node = await OutboxNode.StartAsync(_home, _box);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(async () =>
        {
            var random = new Random(writer);
            for (var times = 0; times < 20; times++)
            {
                await using var connection = await _home.ConnectAsync();
                await using var transaction = await connection.BeginTransactionAsync(Cancellation);
                var keys = Enumerable.Range(0, 20).Select(key => $"{key}").ToArray();
                random.Shuffle(keys);
                await node.Client.RecordManyAsync(transaction, keys.Select(key => new Note("1", key)), Cancellation);
                await transaction.CommitAsync(Cancellation);
            }
        })));
        Assert.True(await _box.HasAsync(4 * 20 * 20));
    }

    [Fact]
    public async Task The_services_data_source_can_be_used_with_its_ambient_transactions()
    {
        await using var source = NpgsqlDataSource.Create(_home.ConnectionString);
        var home = new SourceHome(_home, source);
        await using var node = await OutboxNode.StartAsync(home, _box);
        using (var scope = new TransactionScope(TransactionScopeAsyncFlowOption.Enabled))
        {
            await using var connection = await source.OpenConnectionAsync(Cancellation);
            await node.Client.RecordAsync(connection, new Note("1"), cancellationToken: Cancellation);
            Assert.Equal(0, await node.Client.FlushAsync(new FlushOptions { Wait = TimeSpan.Zero }, Cancellation));
            scope.Complete();
        }

        Assert.True(await _box.HasAsync(1));
    }

    private sealed class SourceHome(OutboxPostgresHome home, NpgsqlDataSource source) : OutboxHome
    {
        public override IOutboxStore Create(TimeProvider time) => home.Create(time);

        public override void AddTo(IServiceCollection services) => services.AddPostgresOutbox(source);

        public override Task<DbConnection> ConnectAsync() => home.ConnectAsync();

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
