using System.Buffers;
using System.Data.Common;
using System.Text;
using System.Text.Json;
using Databus.Outbox;

namespace Databus.Sqlite.Outbox;

/// <summary>What happens in the service's own transactions. The connection may be any that leads to Microsoft.Data.Sqlite in the end.</summary>
internal static class OutboxRecording
{
    /// <summary>One statement for all, so that they are there together or not at all, also without a transaction.</summary>
    public static async Task<OutboxRecord> RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken)
    {
        await using var command = Create(
            connection, transaction,
            """
            INSERT INTO databus_outbox_message (message_id, type, order_key, content, trace_parent)
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'), json_extract(value, '$[4]') FROM json_each($messages) ORDER BY key
            RETURNING id
            """,
            ("$messages", ToJson(messages)));
        await using var rows = await command.ExecuteReaderAsync(cancellationToken);
        var lowest = long.MaxValue;
        while (await rows.ReadAsync(cancellationToken))
            lowest = Math.Min(lowest, rows.GetInt64(0));
        return new OutboxRecord(Transaction: null, lowest);
    }

    public static async Task<bool> TryHandleAsync(
        DbConnection connection, DbTransaction? transaction, Guid messageId, long now, CancellationToken cancellationToken)
    {
        await using var command = Create(
            connection, transaction,
            "INSERT INTO databus_outbox_inbox (message_id, handled_at) VALUES ($id, $now) ON CONFLICT DO NOTHING",
            ("$id", messageId.ToColumn()), ("$now", now));
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    private static DbCommand Create(DbConnection connection, DbTransaction? transaction, string sql, params ReadOnlySpan<(string Name, object Value)> values)
    {
        var command = connection.CreateCommand();

        // The command already has the transaction that the connection is in.
        if (transaction is not null)
            command.Transaction = transaction;
        command.CommandText = sql;
        foreach (var (name, value) in values)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = name;
            parameter.Value = value;
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static string ToJson(IReadOnlyList<NewOutboxMessage> messages)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var message in messages)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(message.Id.ToColumn());
                writer.WriteStringValue(message.Type);
                writer.WriteStringValue(message.OrderKey);
                writer.WriteStringValue(message.Content);
                writer.WriteStringValue(message.TraceParent);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(json.WrittenSpan);
    }
}
