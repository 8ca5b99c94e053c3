using Databus.Jobs;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>The queues that have settings, and what all of them hold.</summary>
internal static class QueueTable
{
    private const long CountedFor = 60_000;

    /// <summary>
    /// From here on what runs is counted, whoever started it: each job says itself whether it is, so that its end takes back
    /// exactly what its start, or this, has added.
    /// </summary>
    public static async Task PutAsync(NpgsqlConnection connection, string queue, bool paused, JobLimit? limit)
    {
        if (!paused && limit is not { MaxRunning: > 0 } and not { MaxStarts: > 0 })
        {
            await connection.Command("DELETE FROM databus.queues WHERE queue = $1", queue).RunAsync(CancellationToken.None);
            return;
        }

        await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
        await connection.Command(
            """
            INSERT INTO databus.queues (queue, paused, limit_running, limit_starts, limit_per) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (queue) DO UPDATE SET
                paused = excluded.paused, limit_running = excluded.limit_running, limit_starts = excluded.limit_starts, limit_per = excluded.limit_per
            """, queue, paused, limit?.MaxRunning ?? 0, limit?.MaxStarts ?? 0, limit?.Per.ToColumn() ?? 0).RunAsync(CancellationToken.None);
        if (limit is { MaxRunning: > 0 })
        {
            await connection.Command(
                """
                WITH counted AS (
                    UPDATE databus.jobs SET queue_counted = true WHERE state = 4 AND queue = $1 AND NOT queue_counted RETURNING job_id
                )
                INSERT INTO databus.job_limits AS l (limit_key, running, starts) SELECT $2, count(*), '{}' FROM counted
                ON CONFLICT (limit_key) DO UPDATE SET running = l.running + excluded.running
                """, queue, JobLimits.QueueKey(queue)).RunAsync(CancellationToken.None);
        }

        await transaction.CommitAsync(CancellationToken.None);
    }

    public static async Task<List<QueueStatus>> ListAsync(NpgsqlConnection connection, long? time, CancellationToken cancellationToken)
    {
        // All of the live jobs are counted, and reading a whole table goes best in its own order.
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var batch = connection.CreateBatch()
            .With("SET LOCAL enable_seqscan = on")
            .With("SELECT queue, state, count(*), min(due_at) FROM databus.jobs GROUP BY queue, state")
            .With(
                "SELECT queue, sum(ended)::bigint, sum(wait)::bigint FROM databus.job_counts WHERE at > databus.now_in_ms($1::bigint) - $2 GROUP BY queue",
                time, CountedFor)
            .With("SELECT queue, limit_running, limit_starts, limit_per, paused FROM databus.queues");
        await using var rows = await batch.ExecuteReaderAsync(cancellationToken);
        var live = (await rows.RestAsync(
            row => (Queue: row.GetString(0), State: (JobState)row.GetInt16(1), Count: row.GetInt64(2), DueAt: row.Time(3)), cancellationToken))
            .ToLookup(one => one.Queue, StringComparer.Ordinal);
        await rows.NextResultAsync(cancellationToken);
        var ended = (await rows.RestAsync(row => (Queue: row.GetString(0), Ended: row.GetInt64(1), Wait: row.GetInt64(2)), cancellationToken))
            .ToDictionary(one => one.Queue, StringComparer.Ordinal);
        await rows.NextResultAsync(cancellationToken);
        var settings = (await rows.RestAsync(
            row => (Queue: row.GetString(0), Limit: ReadLimit(row.GetString(0), row, 1), IsPaused: row.GetBoolean(4)), cancellationToken))
            .ToDictionary(one => one.Queue, StringComparer.Ordinal);
        await rows.CloseAsync();
        await transaction.CommitAsync(cancellationToken);

        return
        [
            .. live.Select(one => one.Key).Union(ended.Keys, StringComparer.Ordinal).Union(settings.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
                .Select(queue =>
                {
                    var (_, count, wait) = ended.GetValueOrDefault(queue);
                    return new QueueStatus(
                        queue,
                        settings.TryGetValue(queue, out var set) && set.IsPaused,
                        set.Limit,
                        live[queue].ToDictionary(one => one.State, one => one.Count),
                        live[queue].Where(one => one.State == JobState.Waiting).Select(one => (DateTimeOffset?)one.DueAt).FirstOrDefault(),
                        count,
                        count == 0 ? null : TimeSpan.FromMilliseconds(wait / count));
                }),
        ];
    }

    /// <summary>Null: it has none.</summary>
    public static JobLimit? ReadLimit(string key, NpgsqlDataReader rows, int column) =>
        rows.GetInt32(column) == 0 && rows.GetInt32(column + 1) == 0
            ? null
            : new JobLimit(key, rows.GetInt32(column), rows.GetInt32(column + 1), TimeSpan.FromMilliseconds(rows.GetInt64(column + 2)));
}
