using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.StoreSuite.Outbox;

/// <summary>Messages whose contents are in a table of their own, with child rows.</summary>
public abstract class OutboxContentsTests(OutboxHome home) : IAsyncLifetime
{
    private readonly Mailbox _box = new();
    private OutboxNode _node = null!;
    private long _undeletable;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await using (var connection = await home.ConnectAsync())
        {
            await RunAsync(connection, null, "CREATE TABLE orders (id bigint PRIMARY KEY)");
            await RunAsync(connection, null, "CREATE TABLE order_lines (order_id bigint NOT NULL, text text NOT NULL)");
        }

        _node = await OutboxNode.StartAsync(home, _box, more: services => services.AddOutboxMessage(
            "order", NoteJson.Default.Order, IOutboxSender<Order> (_) => new OrderSender(_box),
            options => options.Contents = _ => new Orders(home, () => _undeletable)));
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task They_are_read_with_their_children_and_go_with_their_message()
    {
        await RecordAsync(7, "bread", "milk");
        Assert.True(await _box.HasAsync(1));
        Assert.Equal(["7: bread, milk"], _box.Texts);
        Assert.True(await Deadline.WaitAsync(async () => (await _node.Client.PendingAsync(Cancellation)).Count == 0, TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal((0, 0), await CountAsync());
    }

    [Fact]
    public async Task They_stay_with_a_parked_message_and_go_when_it_is_skipped()
    {
        _box.Behaviour = static (_, _) => new SendOutcome(SendResult.Hopeless, "no");
        await RecordAsync(8, "bread");
        Assert.True(await Deadline.WaitAsync(async () => (await _node.Client.ListParkedAsync(cancellationToken: Cancellation)).Count == 1, TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal((1, 1), await CountAsync());
        Assert.Equal(1, await _node.Client.SkipAsync([.. (await _node.Client.ListParkedAsync(cancellationToken: Cancellation)).Select(parked => parked.Id)], Cancellation));
        Assert.Equal((0, 0), await CountAsync());
    }

    [Fact]
    public async Task A_message_whose_content_is_gone_is_parked()
    {
        await using (var connection = await home.ConnectAsync())
            await RecordReferenceAsync(connection, null, 9);
        Assert.True(await Deadline.WaitAsync(async () => (await _node.Client.ListParkedAsync(cancellationToken: Cancellation)).Count == 1, TimeSpan.FromSeconds(30), Cancellation));
        Assert.Empty(_box.Mails);
    }

    [Fact]
    public async Task A_reference_that_cannot_be_read_is_parked_and_stops_no_other()
    {
        await using (var connection = await home.ConnectAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await RunAsync(connection, transaction, "INSERT INTO orders VALUES (1), (2)");
            await RecordReferenceAsync(connection, transaction, 1);
            await RecordReferenceAsync(connection, transaction, "no number");
            await RecordReferenceAsync(connection, transaction, 2);
            await transaction.CommitAsync(Cancellation);
        }

        Assert.True(await _box.HasAsync(2));
        Assert.Equal(["1: ", "2: "], _box.Texts.Order(StringComparer.Ordinal));
        Assert.True(await Deadline.WaitAsync(async () => (await _node.Client.ListParkedAsync(cancellationToken: Cancellation)).Count == 1, TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task One_that_was_sent_and_cannot_be_deleted_is_parked_and_not_sent_again()
    {
        _undeletable = 2;
        await using (var connection = await home.ConnectAsync())
        {
            await using var transaction = await connection.BeginTransactionAsync(Cancellation);
            await RunAsync(connection, transaction, "INSERT INTO orders VALUES (1), (2), (3)");
            for (var id = 1; id <= 3; id++)
                await RecordReferenceAsync(connection, transaction, id);
            await transaction.CommitAsync(Cancellation);
        }

        Assert.True(await Deadline.WaitAsync(
            async () => await _node.Client.PendingAsync(Cancellation) is [{ Count: 0, Parked: 1 }], TimeSpan.FromSeconds(30), Cancellation));
        Assert.Equal(["1: ", "2: ", "3: "], _box.Texts.Order(StringComparer.Ordinal));
        Assert.Equal((1, 0), await CountAsync());
        var parked = Assert.Single(await _node.Client.ListParkedAsync(cancellationToken: Cancellation));
        Assert.StartsWith("It was sent", parked.Reason, StringComparison.Ordinal);
        Assert.Contains("Somebody needs 2.", parked.Reason, StringComparison.Ordinal);

        _undeletable = 0;
        Assert.Equal(1, await _node.Client.SkipAsync([parked.Id], Cancellation));
        Assert.Equal((0, 0), await CountAsync());
        Assert.Equal(3, _box.Mails.Count);
    }

    [Fact]
    public async Task Their_references_are_not_edited()
    {
        _box.Behaviour = static (_, _) => new SendOutcome(SendResult.Hopeless, "no");
        await RecordAsync(8, "bread");
        Assert.True(await Deadline.WaitAsync(async () => (await _node.Client.ListParkedAsync(cancellationToken: Cancellation)).Count == 1, TimeSpan.FromSeconds(30), Cancellation));
        var parked = Assert.Single(await _node.Client.ListParkedAsync(cancellationToken: Cancellation));
        await Assert.ThrowsAsync<InvalidOperationException>(() => _node.Client.EditAsync(parked.Id, "9"u8.ToArray(), Cancellation));

        _box.Behaviour = static (_, _) => null;
        await _node.Client.ReplayAsync([parked.Id], Cancellation);
        Assert.True(await _box.HasAsync(1));
        Assert.Equal(["8: bread"], _box.Texts);
    }

    private static async Task<object?> RunAsync(DbConnection connection, DbTransaction? transaction, string sql)
    {
        await using var command = connection.CreateCommand();
        if (transaction is not null)
            command.Transaction = transaction;
        command.CommandText = sql;
        return await command.ExecuteScalarAsync(Cancellation);
    }

    private async Task RecordAsync(long id, params string[] lines)
    {
        await using var connection = await home.ConnectAsync();
        await using var transaction = await connection.BeginTransactionAsync(Cancellation);
        await RunAsync(connection, transaction, $"INSERT INTO orders VALUES ({id})");
        foreach (var line in lines)
            await RunAsync(connection, transaction, $"INSERT INTO order_lines VALUES ({id}, '{line}')");
        await RecordReferenceAsync(connection, transaction, id);
        await transaction.CommitAsync(Cancellation);
    }

    private async Task RecordReferenceAsync<T>(DbConnection connection, DbTransaction? transaction, T reference)
    {
        var record = await _node.Store.RecordAsync(
            connection, transaction, [new NewOutboxMessage(Guid.CreateVersion7(), "order", null, JsonSerializer.SerializeToUtf8Bytes(reference), null)], Cancellation);
        if (record.Transaction is { } watched)
            _node.Client.Recorded(watched, record.LowestId);
    }

    private async Task<(long Orders, long Lines)> CountAsync()
    {
        await using var connection = await home.ConnectAsync();
        return ((long)(await RunAsync(connection, null, "SELECT count(*) FROM orders"))!, (long)(await RunAsync(connection, null, "SELECT count(*) FROM order_lines"))!);
    }

    private sealed class Orders(OutboxHome home, Func<long> undeletable) : IOutboxContents<Order>
    {
        public async Task<IReadOnlyList<Order?>> LoadAsync(IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken)
        {
            var ids = references.Select(IdOf).ToList();
            var lines = new Dictionary<long, List<string>>();
            await using var connection = await home.ConnectAsync();
            await using var command = connection.CreateCommand();
            command.CommandText = $"SELECT o.id, l.text FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id WHERE o.id IN ({string.Join(',', ids)}) ORDER BY l.text";
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            while (await rows.ReadAsync(cancellationToken))
            {
                if (!lines.TryGetValue(rows.GetInt64(0), out var some))
                    lines[rows.GetInt64(0)] = some = [];
                if (!await rows.IsDBNullAsync(1, cancellationToken))
                    some.Add(rows.GetString(1));
            }

            return ids.ConvertAll(id => lines.TryGetValue(id, out var some) ? new Order(id, some) : null);
        }

        public async Task DeleteAsync(DbTransaction transaction, IReadOnlyList<ReadOnlyMemory<byte>> references, CancellationToken cancellationToken)
        {
            var ids = string.Join(',', references.Select(IdOf));
            await RunAsync(transaction.Connection!, transaction, $"DELETE FROM order_lines WHERE order_id IN ({ids})");
            if (references.Select(IdOf).Contains(undeletable()))
                throw new InvalidOperationException($"Somebody needs {undeletable()}.");
            await RunAsync(transaction.Connection!, transaction, $"DELETE FROM orders WHERE id IN ({ids})");
        }

        private static long IdOf(ReadOnlyMemory<byte> reference) => JsonSerializer.Deserialize<long>(reference.Span);
    }

    private sealed class OrderSender(Mailbox box) : IOutboxSender<Order>
    {
        public Task SendAsync(OutboxMessage<Order> message, CancellationToken cancellationToken)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"{message.Content.Id}: {string.Join(", ", message.Content.Lines)}");
            var outcome = box.Take(message.Id, text, message.OrderKey, message.Attempt);
            return outcome.Result == SendResult.Sent ? Task.CompletedTask : throw new OutboxSendException(outcome.Result, outcome.Reason!);
        }
    }
}
