using Databus.Outbox;

namespace Databus.StoreSuite.Outbox;

/// <summary>A message is there if and only if its outermost transaction has committed (P7).</summary>
public abstract class OutboxRecordTests(OutboxHome home) : OutboxSuite(home)
{
    [Fact]
    public async Task What_was_recorded_is_claimed_as_it_was_in_the_order_of_recording()
    {
        var first = new NewOutboxMessage(Guid.CreateVersion7(), Letter, "k", """{"text":"é ☃ \u0000"}"""u8.ToArray(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        var second = Message("second");
        var record = await RecordAsync(first, second);

        var batch = await ClaimSomeAsync();
        Assert.Equal(record.LowestId, batch.Messages[0].Id);
        Assert.True(batch.Messages[1].Id > batch.Messages[0].Id);
        Assert.Equal([first.Id, second.Id], batch.Messages.Select(message => message.MessageId));
        Assert.Equal(first.Content, batch.Messages[0].Content);
        Assert.Equal([("k", first.TraceParent, 0), (null, null, 0)], batch.Messages.Select(message => (message.OrderKey, message.TraceParent, message.Attempts)));
        Assert.InRange(batch.Messages[0].RecordedAt, TimeProvider.System.GetUtcNow().AddMinutes(-1), TimeProvider.System.GetUtcNow().AddMinutes(1));
    }

    [Fact]
    public async Task Nothing_is_seen_before_the_commit()
    {
        await using var connection = await ConnectAsync();
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await Store.RecordAsync(connection, transaction, [Message("one")], Cancellation);
        Assert.Null(await PendingAsync());
        await transaction.CommitAsync(Cancellation);
        Assert.Equal(["one"], await SendAllAsync());
    }

    [Fact]
    public async Task A_rollback_leaves_nothing()
    {
        await using (var connection = await ConnectAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await Store.RecordAsync(connection, transaction, Messages(3), Cancellation);
            await transaction.RollbackAsync(Cancellation);
        }

        Assert.Empty(await SendAllAsync());
    }

    [Fact]
    public async Task A_connection_that_is_closed_without_a_commit_leaves_nothing()
    {
        await using (var connection = await ConnectAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await Store.RecordAsync(connection, transaction, [Message("one")], Cancellation);
        }

        Assert.Empty(await SendAllAsync());
    }

    [Fact]
    public async Task What_was_recorded_since_a_savepoint_goes_with_it()
    {
        await using (var connection = await ConnectAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await Store.RecordAsync(connection, transaction, [Message("before")], Cancellation);
            await transaction.SaveAsync("point_1", Cancellation);
            await Store.RecordAsync(connection, transaction, [Message("inside", "k")], Cancellation);
            await transaction.RollbackAsync("point_1", Cancellation);
            await transaction.SaveAsync("point_2", Cancellation);
            await Store.RecordAsync(connection, transaction, [Message("released", "k")], Cancellation);
            await transaction.ReleaseAsync("point_2", Cancellation);
            await transaction.CommitAsync(Cancellation);
        }

        Assert.Equal(["before", "released"], await SendAllAsync());
    }

    [Fact]
    public async Task A_message_id_is_there_once()
    {
        var message = Message("one");
        await RecordAsync(message);
        await Assert.ThrowsAnyAsync<System.Data.Common.DbException>(() => RecordAsync(message));
        Assert.Equal(["one"], await SendAllAsync());
    }

    [Fact]
    public async Task Many_are_recorded_in_their_order_with_and_without_keys()
    {
        await using var connection = await ConnectAsync();
        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            await Store.RecordAsync(connection, transaction, [.. Enumerable.Range(0, 300).Select(number => Message($"{number}", number % 3 == 0 ? null : $"k{number % 7}"))], Cancellation);
            await transaction.CommitAsync(Cancellation);
        }

        Assert.Equal(Enumerable.Range(0, 300).Select(number => $"{number}"), await SendAllAsync());
    }

    [Fact]
    public async Task What_the_inbox_has_handled_it_handles_no_more()
    {
        var id = Guid.CreateVersion7();
        await using var connection = await ConnectAsync();
        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            Assert.True(await Store.TryHandleAsync(connection, transaction, id, Cancellation));
            Assert.False(await Store.TryHandleAsync(connection, transaction, id, Cancellation));
            await transaction.RollbackAsync(Cancellation);
        }

        await using (var transaction = await connection.BeginTransactionAsync(Cancellation))
        {
            Assert.True(await Store.TryHandleAsync(connection, transaction, id, Cancellation));
            await transaction.CommitAsync(Cancellation);
        }

        Assert.False(await Store.TryHandleAsync(connection, transaction: null, id, Cancellation));
    }
}
