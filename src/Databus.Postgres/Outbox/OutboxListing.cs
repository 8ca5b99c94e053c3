using System.Text;
using Databus.Outbox;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>What is there, for people, and what need not be there any more.</summary>
internal sealed class OutboxListing(OutboxDatabase database)
{
    private const int MostPurgedAtOnce = 1000;

    public async Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken) => await database.UseAsync(
        connection => connection.Command(
            """
            SELECT coalesce(m.type, p.type), coalesce(m.count, 0), m.oldest, coalesce(m.failing, 0), coalesce(p.count, 0)
            FROM (SELECT type, count(*) AS count, min(recorded_at) AS oldest, count(due_at) AS failing FROM databus_outbox.message GROUP BY type) m
            FULL JOIN (SELECT type, count(*) AS count FROM databus_outbox.parked GROUP BY type) p ON p.type = m.type
            ORDER BY 1
            """).RowsAsync(
                static rows => new PendingMessages(
                    rows.GetString(0), rows.GetInt64(1), rows.IsDBNull(2) ? null : rows.GetFieldValue<DateTimeOffset>(2), rows.GetInt64(3), rows.GetInt64(4)),
                cancellationToken),
        cancellationToken);

    public async Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types, long after, int limit, CancellationToken cancellationToken) => await database.UseAsync(
        connection => connection.Command(
            """
            SELECT id, message_id, type, order_key, content, recorded_at, parked_at, attempts, reason, holds_key
            FROM databus_outbox.parked WHERE id > $1 AND ($2::text[] IS NULL OR type = ANY ($2)) ORDER BY id LIMIT $3
            """,
            after, types?.ToArray(), limit).RowsAsync(ReadParked, cancellationToken),
        cancellationToken);

    public async Task<bool> EditAsync(long id, byte[] content, CancellationToken cancellationToken) => await database.UseAsync(
        connection => connection.Command(
            "UPDATE databus_outbox.parked SET content = $2 WHERE id = $1", id, Encoding.UTF8.GetString(content)).RunAsync(cancellationToken),
        cancellationToken) == 1;

    public async Task<PurgeStep> PurgeStepAsync(TimeSpan keepHandledFor, CancellationToken cancellationToken)
    {
        var removed = await database.UseAsync(
            connection => connection.Command(
                """
                WITH sent AS (
                    DELETE FROM databus_outbox.sent WHERE id IN (
                        SELECT id FROM databus_outbox.sent WHERE keep_until <= coalesce($1, clock_timestamp()) ORDER BY keep_until LIMIT $3 FOR UPDATE SKIP LOCKED)
                    RETURNING 1
                ), inbox AS (
                    DELETE FROM databus_outbox.inbox WHERE message_id IN (
                        SELECT message_id FROM databus_outbox.inbox WHERE handled_at < coalesce($1, clock_timestamp()) - $2 * interval '1 millisecond' ORDER BY handled_at LIMIT $3 FOR UPDATE SKIP LOCKED)
                    RETURNING 1
                )
                SELECT ((SELECT count(*) FROM sent) + (SELECT count(*) FROM inbox))::integer
                """,
                database.GivenTime, keepHandledFor.TotalMilliseconds, MostPurgedAtOnce).ValueAsync(cancellationToken),
            cancellationToken);
        return new PurgeStep((int)removed!, (int)removed >= MostPurgedAtOnce);
    }

    internal static ParkedMessage ReadParked(NpgsqlDataReader rows) => new(
        rows.GetInt64(0), rows.GetGuid(1), rows.GetString(2), rows.Text(3), Encoding.UTF8.GetBytes(rows.GetString(4)), rows.GetFieldValue<DateTimeOffset>(5),
        rows.GetFieldValue<DateTimeOffset>(6), rows.GetInt32(7), rows.GetString(8), rows.GetBoolean(9));
}
