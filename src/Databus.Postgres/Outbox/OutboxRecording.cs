using System.Data.Common;
using System.Globalization;
using System.Text;
using Databus.Outbox;

namespace Databus.Postgres.Outbox;

/// <summary>What happens in the service's own transactions. The connection may be any that leads to Npgsql in the end.</summary>
internal static class OutboxRecording
{
    public static async Task<OutboxRecord> RecordOneAsync(
        DbConnection connection, DbTransaction? transaction, NewOutboxMessage message, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            """
            INSERT INTO databus_outbox.message (message_id, type, order_key, content, trace_parent)
            VALUES ($1, $2, $3::text, $4, $5::text)
            RETURNING transaction::text, id
            """;
        Bind(command, message.Id, message.Type, message.OrderKey, Encoding.UTF8.GetString(message.Content), message.TraceParent);
        return await ReadAsync(command, cancellationToken);
    }

    public static async Task<OutboxRecord> RecordManyAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken)
    {
        string[] types = [.. messages.Select(message => message.Type)];
        string?[] keys = [.. messages.Select(message => message.OrderKey)];

        // All locks before the first message, and in one order: so two that record the same keys cannot wait for each other. Without a
        // transaction the one statement does as well as it can.
        if (keys.Count(key => key is not null) > 1 && (transaction is not null || System.Transactions.Transaction.Current is not null))
            await LockAsync(connection, transaction, types, keys, cancellationToken);

        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            """
            WITH recorded AS (
                INSERT INTO databus_outbox.message (message_id, type, order_key, content, trace_parent)
                SELECT message_id, type, order_key, content, trace_parent
                FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
                    WITH ORDINALITY AS m (message_id, type, order_key, content, trace_parent, place)
                ORDER BY place
                RETURNING transaction, id
            )
            SELECT min(transaction::text), min(id) FROM recorded
            """;
        Bind(
            command, messages.Select(message => message.Id).ToArray(), types, keys,
            messages.Select(message => Encoding.UTF8.GetString(message.Content)).ToArray(), messages.Select(message => message.TraceParent).ToArray());
        return await ReadAsync(command, cancellationToken);
    }

    public static async Task<bool> TryHandleAsync(
        DbConnection connection, DbTransaction? transaction, Guid messageId, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "INSERT INTO databus_outbox.inbox (message_id) VALUES ($1) ON CONFLICT DO NOTHING";
        Bind(command, messageId);
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    private static async Task LockAsync(
        DbConnection connection, DbTransaction? transaction, string[] types, string?[] keys, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText =
            """
            SELECT count(pg_advisory_xact_lock(lock)) FROM (
                SELECT DISTINCT databus_outbox.order_lock(type, order_key) AS lock FROM unnest($1::text[], $2::text[]) AS k (type, order_key)
                WHERE order_key IS NOT NULL ORDER BY lock
            ) locks
            """;
        Bind(command, types, keys);
        await command.ExecuteScalarAsync(cancellationToken);
    }

    private static async Task<OutboxRecord> ReadAsync(DbCommand command, CancellationToken cancellationToken)
    {
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        await rows.ReadAsync(cancellationToken);
        return new OutboxRecord(ulong.Parse(rows.GetString(0), CultureInfo.InvariantCulture), rows.GetInt64(1));
    }

    private static void Bind(DbCommand command, params ReadOnlySpan<object?> values)
    {
        foreach (var value in values)
        {
            var parameter = command.CreateParameter();
            parameter.Value = value ?? DBNull.Value;
            command.Parameters.Add(parameter);
        }
    }
}
