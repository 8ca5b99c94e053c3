using Databus.Outbox;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>
/// A claim: one round trip. What is to be had is chosen in one transaction, under a lock, so that what it reads nobody else claims meanwhile;
/// the contents travel when the lock is free again. Rows of messages are only read; the claim is one row for each batch.
/// </summary>
/// <remarks>
/// Looks for fresh and waiting messages go by <c>id + 0</c>, which only the indexes have that serve them: by <c>id</c> the planner may take the
/// primary key, when the table is small, and pass all types and keys once it is large. For the same reason rows of messages are looked up in
/// subqueries that cannot become joins. And what rows are compared with comes from an array, of which the planner expects little: what it
/// expects much of, as it does of a table that was not vacuumed for long, it does not hash, and goes through all of it for each row.
/// </remarks>
internal sealed class OutboxClaiming(OutboxDatabase database)
{
    private const int ColumnsOfLock = 5;

    private readonly OutboxFloors _floors = new();

    public Task<OutboxClaims> ClaimAsync(
        IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken) =>
        database.UseAsync(connection => ClaimAsync(connection, looks, lease, underWay, cancellationToken), cancellationToken);

    private async Task<OutboxClaims> ClaimAsync(
        NpgsqlConnection connection, IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken)
    {
        var view = _floors.For(looks);
        var tokens = looks.Select(look => look.Token).ToArray();
        await using var batch = connection.CreateBatch();

        // Each statement sees what was committed before it, and so, once it has the lock, what the claim before it did. The lock is not held
        // for an fsync: a claim that a crash of the server takes with it is lost, as one is whose lease has ended.
        batch.With("BEGIN ISOLATION LEVEL READ COMMITTED");
        batch.With(
            """
            SELECT pg_advisory_xact_lock($1, 0), set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true),
                set_config('synchronous_commit', 'off', true)
            """,
            Locks.OutboxClaim);

        // One that is being completed just now is not ours to end.
        batch.With(
            $"""
            DELETE FROM databus_outbox.claim WHERE id IN (
                SELECT id FROM databus_outbox.claim
                WHERE id >= CASE WHEN {OutboxFloors.Identity} = $3 THEN $1 ELSE 0 END AND lease_until <= coalesce($2, clock_timestamp())
                    AND token <> ALL ($4)
                FOR UPDATE SKIP LOCKED
            )
            """,
            view.LowestClaim, database.GivenTime, view.Server, underWay.ToArray());

        // What is before a message of its key: a row that is not among the candidates, because it is claimed, waits to be tried again,
        // or was not looked at; and with a parked one all of the key. So of a key always the first ones are claimed.
        batch.With(
            $$"""
            WITH clock AS MATERIALIZED (
                SELECT coalesce($8, clock_timestamp()) AS now
            ), live AS MATERIALIZED (
                SELECT id, token, type, whole_type, ids FROM databus_outbox.claim
                WHERE id >= CASE WHEN {{OutboxFloors.Identity}} = $11 THEN $9 ELSE 0 END
            ), look AS MATERIALIZED (
                SELECT l.type, l.token, l.most, l.beginning, l.ignores_due, l.whole_type, l.place,
                    CASE WHEN {{OutboxFloors.Identity}} = $11 THEN l.floor ELSE 0 END AS floor,
                    EXISTS (SELECT FROM live v WHERE v.type = l.type AND v.token <> l.token AND (v.whole_type OR l.whole_type)) AS held
                FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::bigint[], $5::boolean[], $6::boolean[], $10::bigint[])
                    WITH ORDINALITY AS l (type, token, most, beginning, ignores_due, whole_type, floor, place)
            ), taken AS MATERIALIZED (
                -- Of what is claimed, only what a look may meet.
                SELECT unnest((
                    SELECT array_agg(i.id) FROM live v, unnest(v.ids) AS i (id)
                    WHERE i.id >= (SELECT min(CASE WHEN l.ignores_due THEN l.beginning ELSE 0 END) FROM look l)
                )) AS id
            ), candidate AS MATERIALIZED (
                -- Of each key the first one only: what is behind it may be due before it, and would take the place of others.
                SELECT l.place, 'due' AS kind, m.*
                FROM look l CROSS JOIN LATERAL (
                    SELECT id, order_key FROM databus_outbox.message m
                    WHERE type = l.type AND due_at > '-infinity' AND due_at <= (SELECT now FROM clock) AND NOT l.ignores_due AND id NOT IN (SELECT id FROM taken)
                        AND (
                            SELECT e.id FROM databus_outbox.message e
                            WHERE e.type = m.type AND e.order_key = m.order_key AND e.due_at IS NOT NULL ORDER BY e.id + 0 LIMIT 1
                        ) IS NOT DISTINCT FROM CASE WHEN m.order_key IS NOT NULL THEN m.id END
                        AND (SELECT 1 FROM databus_outbox.parked p WHERE p.type = m.type AND p.order_key = m.order_key AND p.holds_key LIMIT 1) IS NULL
                    ORDER BY due_at LIMIT l.most
                ) m WHERE NOT l.held
                UNION ALL
                SELECT l.place, 'fresh', m.*
                FROM look l CROSS JOIN LATERAL (
                    SELECT id, order_key FROM databus_outbox.message
                    WHERE type = l.type AND due_at IS NULL AND id + 0 >= greatest(l.beginning, l.floor) AND id NOT IN (SELECT id FROM taken)
                    ORDER BY id + 0 LIMIT l.most
                ) m WHERE NOT l.held
                UNION ALL
                SELECT l.place, 'waiting', m.*
                FROM look l CROSS JOIN LATERAL (
                    SELECT id, order_key FROM databus_outbox.message
                    WHERE type = l.type AND due_at IS NOT NULL AND id > 0 AND l.ignores_due AND id + 0 >= l.beginning AND id NOT IN (SELECT id FROM taken)
                    ORDER BY id + 0 LIMIT l.most
                ) m WHERE NOT l.held
            ), found AS MATERIALIZED (
                SELECT unnest((SELECT array_agg(id) FROM candidate)) AS id
            ), held_up AS MATERIALIZED (
                SELECT k.ids, least(
                    (SELECT 0 FROM databus_outbox.parked p WHERE p.type = k.type AND p.order_key = k.order_key AND p.holds_key LIMIT 1),
                    (SELECT e.id FROM databus_outbox.message e
                        WHERE e.type = k.type AND e.order_key = k.order_key AND e.due_at IS NULL AND e.id + 0 >= k.floor AND e.id + 0 < k.newest
                            AND e.id NOT IN (SELECT id FROM found)
                        ORDER BY e.id + 0 LIMIT 1),
                    (SELECT e.id FROM databus_outbox.message e
                        WHERE e.type = k.type AND e.order_key = k.order_key AND e.due_at IS NOT NULL AND e.id + 0 < k.newest AND e.id NOT IN (SELECT id FROM found)
                        ORDER BY e.id + 0 LIMIT 1)) AS first
                FROM (
                    SELECT l.type, c.order_key, array_agg(c.id) AS ids, max(c.id) AS newest, min(l.floor) AS floor
                    FROM candidate c JOIN look l ON l.place = c.place WHERE c.order_key IS NOT NULL GROUP BY l.type, c.order_key
                ) k
            ), behind AS MATERIALIZED (
                SELECT unnest((SELECT array_agg(i.id) FROM held_up h, unnest(h.ids) AS i (id) WHERE i.id >= h.first)) AS id
            ), batch AS MATERIALIZED (
                SELECT l.*, (
                    SELECT array_agg(a.id) FROM (
                        SELECT id FROM candidate WHERE place = l.place AND id NOT IN (SELECT id FROM behind) ORDER BY id LIMIT l.most
                    ) a
                ) AS ids FROM look l
            ), claimed AS (
                INSERT INTO databus_outbox.claim (token, type, whole_type, ids, lease_until)
                SELECT b.token, b.type, b.whole_type, b.ids, (SELECT now FROM clock) + $7 * interval '1 millisecond' FROM batch b WHERE b.ids IS NOT NULL
                ON CONFLICT (token) DO UPDATE SET ids = excluded.ids, lease_until = excluded.lease_until
                RETURNING id
            ), look_end AS MATERIALIZED (
                -- Of what was cut off, all up to the last one was seen.
                SELECT b.place, b.held,
                    least(
                        CASE WHEN c.fresh >= b.most THEN c.last_fresh + 1 END, CASE WHEN c.waiting >= b.most THEN c.last_waiting + 1 END, c.left_over) AS next,
                    (SELECT extract(epoch FROM w.due_at - (SELECT now FROM clock))::float8 FROM databus_outbox.message w
                        WHERE w.type = b.type AND w.due_at > '-infinity' AND w.due_at > (SELECT now FROM clock) ORDER BY w.due_at LIMIT 1) AS next_due,
                    (SELECT k.id FROM databus_outbox.message k
                        WHERE k.type = b.type AND k.due_at IS NULL AND k.id + 0 >= b.floor ORDER BY k.id + 0 LIMIT 1) AS lowest
                FROM batch b CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE kind = 'fresh') AS fresh, max(id) FILTER (WHERE kind = 'fresh') AS last_fresh,
                        count(*) FILTER (WHERE kind = 'waiting') AS waiting, max(id) FILTER (WHERE kind = 'waiting') AS last_waiting,
                        min(id) FILTER (WHERE id > b.ids[b.most] AND kind <> 'due') AS left_over
                    FROM candidate WHERE place = b.place
                ) c
            ), sight AS MATERIALIZED (
                SELECT coalesce(least((SELECT min(id) FROM live), (SELECT min(id) FROM claimed)), $9) AS lowest_claim,
                    {{OutboxFloors.Identity}} AS server, (SELECT last_value FROM databus_outbox.message_id) AS last_id,
                    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest, pg_current_xact_id()::text::bigint AS newest
            )
            SELECT e.place, e.held, e.next, e.next_due, e.lowest, s.lowest_claim, s.server, s.last_id, s.oldest, s.newest
            FROM look_end e CROSS JOIN sight s ORDER BY e.place
            """,
            looks.Select(look => look.Type).ToArray(), tokens, looks.Select(look => look.Most).ToArray(),
            looks.Select(look => look.From).ToArray(), looks.Select(look => look.IgnoresBackOff).ToArray(), looks.Select(look => look.WholeType).ToArray(),
            lease.TotalMilliseconds, database.GivenTime, view.LowestClaim, view.Floors, view.Server);
        batch.With("COMMIT");
        foreach (var token in tokens)
        {
            batch.With(
                """
                SELECT id, message_id, order_key, content, recorded_at, trace_parent, attempts FROM databus_outbox.message
                WHERE id = ANY ((SELECT ids FROM databus_outbox.claim WHERE token = $1)::bigint[]) ORDER BY id
                """,
                token);
        }

        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        while (rows.FieldCount <= ColumnsOfLock)
            await NextResultAsync(rows, cancellationToken);
        var (ends, nextDue, sight) = await ReadEndsAsync(rows, looks, cancellationToken);
        var batches = new List<OutboxBatch>(looks.Count);
        foreach (var look in looks)
        {
            await NextResultAsync(rows, cancellationToken);
            var messages = await ReadMessagesAsync(rows, cancellationToken);
            if (messages.Count > 0)
                batches.Add(new OutboxBatch(look.Token, look.Type, messages));
        }

        // Only now that all of it has gone well is it believed.
        _floors.Learn(view, sight, looks);
        return new OutboxClaims(batches, ends, nextDue);
    }

    private static async Task NextResultAsync(NpgsqlDataReader rows, CancellationToken cancellationToken)
    {
        if (!await rows.NextResultAsync(cancellationToken))
            throw new InvalidOperationException("The claim has no answer.");
    }

    private static async Task<(OutboxLookEnd[] Ends, TimeSpan? NextDue, OutboxFloors.Sight Sight)> ReadEndsAsync(
        NpgsqlDataReader rows, IReadOnlyList<OutboxLook> looks, CancellationToken cancellationToken)
    {
        var ends = new OutboxLookEnd[looks.Count];
        var lowestFresh = new long?[looks.Count];
        TimeSpan? nextDue = null;
        OutboxFloors.Sight? sight = null;
        while (await rows.ReadAsync(cancellationToken))
        {
            var place = (int)rows.GetInt64(0) - 1;
            ends[place] = new OutboxLookEnd(rows.Number(2), rows.GetBoolean(1));
            var due = rows.IsDBNull(3) ? (TimeSpan?)null : TimeSpan.FromSeconds(rows.GetDouble(3));
            nextDue = due < nextDue || nextDue is null ? due : nextDue;
            lowestFresh[place] = rows.Number(4);
            sight ??= new OutboxFloors.Sight(rows.GetString(6), rows.GetInt64(5), lowestFresh, rows.GetInt64(7), rows.GetInt64(8), rows.GetInt64(9));
        }

        return (ends, nextDue, sight ?? throw new InvalidOperationException("The claim has no answer."));
    }

    private static async Task<List<ClaimedOutboxMessage>> ReadMessagesAsync(NpgsqlDataReader rows, CancellationToken cancellationToken)
    {
        var messages = new List<ClaimedOutboxMessage>();
        while (await rows.ReadAsync(cancellationToken))
        {
            messages.Add(new ClaimedOutboxMessage(
                rows.GetInt64(0), rows.GetGuid(1), rows.Text(2), rows.GetFieldValue<byte[]>(3), rows.GetFieldValue<DateTimeOffset>(4), rows.Text(5),
                rows.GetInt32(6)));
        }

        return messages;
    }
}
