using System.Data.Common;
using Databus.Outbox;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>What becomes of claims and of what was claimed.</summary>
internal sealed class OutboxCompleting(OutboxDatabase database)
{
    public async Task<IReadOnlyList<Guid>> CompleteAsync(IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken)
    {
        var held = await database.UseAsync(
            async connection =>
            {
                if (completions.All(completion => completion.Also is null))
                    return await CompleteAsync(connection, completions, cancellationToken);
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                var ours = await CompleteAsync(connection, completions, cancellationToken);
                foreach (var completion in completions)
                {
                    if (completion.Also is { } also && ours.Contains(completion.Token))
                        await also(transaction, cancellationToken);
                }

                await transaction.CommitAsync(cancellationToken);
                return ours;
            },
            cancellationToken);
        return [.. completions.Select(completion => completion.Token).Where(token => !held.Contains(token))];
    }

    /// <summary>Which claims are lost.</summary>
    public async Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyCollection<Guid> tokens, TimeSpan lease, CancellationToken cancellationToken)
    {
        var held = await database.UseAsync(
            connection => connection.Command(
                """
                UPDATE databus_outbox.claim SET lease_until = coalesce($3, clock_timestamp()) + $2 * interval '1 millisecond'
                WHERE token = ANY ($1) RETURNING token
                """,
                tokens.ToArray(), lease.TotalMilliseconds, database.GivenTime).RowsAsync(static rows => rows.GetGuid(0), cancellationToken),
            cancellationToken);
        return [.. tokens.Except(held)];
    }

    /// <summary>Parked messages go back to where they were in the order of their key, due at once.</summary>
    public Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) => database.UseAsync(
        connection => connection.Command(
            """
            WITH gone AS (
                DELETE FROM databus_outbox.parked WHERE id = ANY ($1) RETURNING *
            )
            INSERT INTO databus_outbox.message (id, message_id, type, order_key, content, trace_parent, recorded_at, due_at)
            SELECT id, message_id, type, order_key, content, trace_parent, recorded_at, coalesce($2, clock_timestamp()) FROM gone
            """,
            ids.ToArray(), database.GivenTime).RunAsync(cancellationToken),
        cancellationToken);

    public Task<int> SkipAsync(
        IReadOnlyCollection<long> ids, Func<DbTransaction, IReadOnlyList<ParkedMessage>, CancellationToken, Task>? also, CancellationToken cancellationToken) =>
        database.UseAsync(
            async connection =>
            {
                await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
                var skipped = await connection.Command(
                    """
                    DELETE FROM databus_outbox.parked WHERE id = ANY ($1)
                    RETURNING id, message_id, type, order_key, content, recorded_at, parked_at, attempts, reason, holds_key
                    """,
                    ids.ToArray()).RowsAsync(OutboxListing.ReadParked, cancellationToken);
                if (also is not null && skipped.Count > 0)
                    await also(transaction, skipped, cancellationToken);
                await transaction.CommitAsync(cancellationToken);
                return skipped.Count;
            },
            cancellationToken);

    /// <summary>Returns the tokens that were not lost. A claim that is gone is not ended here, and whoever would end it waits until we have.</summary>
    private static async Task<HashSet<Guid>> ForgetAsync(
        NpgsqlConnection connection, IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken)
    {
        // Together one transaction.
        await using var batch = connection.CreateBatch();
        foreach (var completion in completions)
        {
            batch.With(
                """
                WITH ended AS (
                    DELETE FROM databus_outbox.claim WHERE token = $1 RETURNING token
                ), gone AS (
                    DELETE FROM databus_outbox.message WHERE id = ANY ($2) AND EXISTS (SELECT FROM ended)
                )
                SELECT token FROM ended
                """,
                completion.Token, completion.Ends.Select(end => end.Id).ToArray());
        }

        var held = new HashSet<Guid>();
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        do
        {
            while (await rows.ReadAsync(cancellationToken))
                held.Add(rows.GetGuid(0));
        }
        while (await rows.NextResultAsync(cancellationToken));
        return held;
    }

    /// <inheritdoc cref="ForgetAsync"/>
    private async Task<HashSet<Guid>> CompleteAsync(
        NpgsqlConnection connection, IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken)
    {
        // Nearly always: everything was sent, and nothing of it is kept.
        if (completions.All(completion => !completion.KeepsClaim && completion.Ends.All(end => end.Result == OutboxResult.Sent && end.Time == TimeSpan.Zero)))
            return await ForgetAsync(connection, completions, cancellationToken);
        var ends = completions.SelectMany(completion => completion.Ends.Select(end => (completion.Token, End: end))).ToList();
        var held = await connection.Command(
            """
            WITH clock AS MATERIALIZED (
                SELECT coalesce($9, clock_timestamp()) AS now
            ), ended AS (
                DELETE FROM databus_outbox.claim WHERE token = ANY ($1) RETURNING token
            ), kept AS (
                UPDATE databus_outbox.claim SET ids = '{}' WHERE token = ANY ($2) RETURNING token
            ), held AS MATERIALIZED (
                SELECT token FROM ended UNION ALL SELECT token FROM kept
            ), result AS MATERIALIZED (
                SELECT r.* FROM unnest($3::uuid[], $4::bigint[], $5::smallint[], $6::text[], $7::bigint[], $8::boolean[])
                    AS r (token, id, result, reason, time, holds_key)
                WHERE r.token IN (SELECT token FROM held)
            ), gone AS (
                DELETE FROM databus_outbox.message m USING result r WHERE m.id = ANY ($4) AND m.id = r.id AND r.result <> 1
                RETURNING m.*, r.result, r.reason, r.time, r.holds_key
            ), sent AS (
                INSERT INTO databus_outbox.sent (id, message_id, type, order_key, content, recorded_at, sent_at, keep_until)
                SELECT g.id, g.message_id, g.type, g.order_key, g.content, g.recorded_at, c.now, c.now + g.time * interval '1 millisecond'
                FROM gone g, clock c WHERE g.result = 0 AND g.time > 0
                ON CONFLICT (id) DO NOTHING
            ), parked AS (
                INSERT INTO databus_outbox.parked
                    (id, message_id, type, order_key, content, trace_parent, recorded_at, parked_at, attempts, reason, holds_key)
                SELECT g.id, g.message_id, g.type, g.order_key, g.content, g.trace_parent, g.recorded_at, c.now, g.attempts + 1, g.reason, g.holds_key
                FROM gone g, clock c WHERE g.result = 2
            ), failed AS (
                UPDATE databus_outbox.message m SET attempts = m.attempts + 1, due_at = c.now + r.time * interval '1 millisecond', error = r.reason
                FROM result r, clock c WHERE m.id = ANY ($4) AND m.id = r.id AND r.result = 1
            )
            SELECT token FROM held
            """,
            completions.Where(completion => !completion.KeepsClaim).Select(completion => completion.Token).ToArray(),
            completions.Where(completion => completion.KeepsClaim).Select(completion => completion.Token).ToArray(),
            ends.Select(one => one.Token).ToArray(), ends.Select(one => one.End.Id).ToArray(), ends.Select(one => (short)one.End.Result).ToArray(),
            ends.Select(one => one.End.Reason.ToColumn()).ToArray(), ends.Select(one => (long)one.End.Time.TotalMilliseconds).ToArray(),
            ends.Select(one => one.End.HoldsKey).ToArray(), database.GivenTime).RowsAsync(static rows => rows.GetGuid(0), cancellationToken);
        return [.. held];
    }
}
