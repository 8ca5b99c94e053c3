using Databus.Outbox;
using Databus.StoreSuite.Outbox;
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
}
