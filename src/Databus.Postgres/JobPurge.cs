using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// Gives back the space of jobs that were kept long enough, of keys that are free again, of limits nobody uses and of counts
/// that are of no more use. The walks begin anew some time after they came to their end. In a transaction of the caller.
/// </summary>
internal sealed class JobPurge(Database database)
{
    private const int RowsPerStep = 2000;

    /// <summary>Each may have a long log.</summary>
    private const int JobsPerStep = 500;
    private const long CountsKeptFor = 3_600_000;

    /// <summary>No limit looks back further.</summary>
    private const long LongestPer = 86_400_000;
    private static readonly TimeSpan BetweenWalks = TimeSpan.FromMinutes(10);

    // Where each walk has got to; null: at its end. Lost at a restart, which costs a second look and nothing else.
    private long? _job = 0;
    private string? _key = "";
    private string? _limit = "";
    private DateTimeOffset _nextWalkAt = DateTimeOffset.MinValue;

    /// <summary>Null: nothing is to be done now.</summary>
    public async Task<PurgeStep?> StepAsync(NpgsqlConnection connection)
    {
        if (database.Now < _nextWalkAt)
            return null;
        var removed = await RemoveCountsAsync(connection);
        if (_key is not null)
            removed += await RemoveKeysAsync(connection, _key);
        if (_limit is not null)
            removed += await RemoveLimitsAsync(connection, _limit);
        if (_job is not null)
            removed += await RemoveJobsAsync(connection, _job.Value);
        if (_job is not null || _key is not null || _limit is not null)
            return new PurgeStep(removed, More: true);
        (_job, _key, _limit) = (0, "", "");
        _nextWalkAt = database.Now + BetweenWalks;
        return removed > 0 ? new PurgeStep(removed, More: true) : null;
    }

    private async Task<int> RemoveJobsAsync(NpgsqlConnection connection, long after)
    {
        var (seen, last, over) = (await connection.Command(
            """
            WITH stretch AS MATERIALIZED (
                SELECT job_id, ended_at + keep_for AS ends_at FROM databus.ended_jobs WHERE job_id > $1 ORDER BY job_id LIMIT $2
            ), clock AS MATERIALIZED (
                SELECT databus.now_in_ms($3::bigint) AS now
            )
            SELECT (SELECT count(*) FROM stretch), (SELECT max(job_id) FROM stretch),
                   ARRAY(SELECT job_id FROM stretch WHERE ends_at <= (SELECT now FROM clock) ORDER BY job_id LIMIT $4)
            """, after, RowsPerStep, database.GivenTime, JobsPerStep).RowsAsync(
            rows => (rows.GetInt64(0), rows.Number(1), rows.GetFieldValue<long[]>(2)), CancellationToken.None))[0];

        // One may have been tried again since, and have ended anew.
        var gone = (await connection.Command(
            """
            SELECT job_id FROM databus.ended_jobs
            WHERE job_id = ANY($1) AND ended_at + keep_for <= databus.now_in_ms($2::bigint) ORDER BY job_id FOR UPDATE SKIP LOCKED
            """, over, database.GivenTime).RowsAsync(rows => rows.GetInt64(0), CancellationToken.None)).ToArray();

        // What a job has said goes first, and as long as there is more of it, the job stays.
        var lines = await connection.Command(
            "DELETE FROM databus.job_log WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.job_log WHERE job_id = ANY($1) LIMIT $2))", gone, RowsPerStep)
            .RunAsync(CancellationToken.None);
        if (lines == RowsPerStep)
            return lines;
        await connection.Command("DELETE FROM databus.ended_jobs WHERE job_id = ANY($1)", gone).RunAsync(CancellationToken.None);
        _job = over.Length == JobsPerStep ? over[^1] : seen == RowsPerStep ? last : null;
        return lines + gone.Length;
    }

    private async Task<int> RemoveKeysAsync(NpgsqlConnection connection, string after)
    {
        var walked = (await connection.Command(
            """
            WITH stretch AS MATERIALIZED (
                SELECT unique_key, expires_at FROM databus.unique_jobs WHERE unique_key > $1 ORDER BY unique_key LIMIT $2
            ), removed AS (
                DELETE FROM databus.unique_jobs
                WHERE unique_key = ANY(ARRAY(SELECT unique_key FROM stretch WHERE expires_at <= databus.now_in_ms($3::bigint)))
                  AND expires_at <= databus.now_in_ms($3::bigint)
                RETURNING unique_key
            )
            SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM stretch), (SELECT max(unique_key) FROM stretch)
            """, after, RowsPerStep, database.GivenTime).RowsAsync(
            rows => (Removed: rows.GetInt64(0), Seen: rows.GetInt64(1), Last: rows.Text(2)), CancellationToken.None))[0];
        _key = walked.Seen == RowsPerStep ? walked.Last : null;
        return (int)walked.Removed;
    }

    /// <summary>One that somebody has locked is in use.</summary>
    private async Task<int> RemoveLimitsAsync(NpgsqlConnection connection, string after)
    {
        var walked = (await connection.Command(
            """
            WITH stretch AS MATERIALIZED (
                SELECT limit_key FROM databus.job_limits WHERE limit_key > $1 ORDER BY limit_key LIMIT $2
            ), idle AS MATERIALIZED (
                SELECT limit_key FROM databus.job_limits
                WHERE limit_key = ANY(ARRAY(SELECT limit_key FROM stretch)) AND running = 0 AND opens_at IS NULL
                  AND coalesce(starts[cardinality(starts)] < databus.now_in_ms($3::bigint) - $4, true)
                ORDER BY limit_key FOR UPDATE SKIP LOCKED
            ), removed AS (
                DELETE FROM databus.job_limits WHERE limit_key = ANY(ARRAY(SELECT limit_key FROM idle)) RETURNING limit_key
            )
            SELECT (SELECT count(*) FROM removed), (SELECT count(*) FROM stretch), (SELECT max(limit_key) FROM stretch)
            """, after, RowsPerStep, database.GivenTime, LongestPer).RowsAsync(
            rows => (Removed: rows.GetInt64(0), Seen: rows.GetInt64(1), Last: rows.Text(2)), CancellationToken.None))[0];
        _limit = walked.Seen == RowsPerStep ? walked.Last : null;
        return (int)walked.Removed;
    }

    private Task<int> RemoveCountsAsync(NpgsqlConnection connection) => connection.Command(
        """
        DELETE FROM databus.job_counts WHERE ctid = ANY(ARRAY(
            SELECT ctid FROM databus.job_counts WHERE at < databus.now_in_ms($1::bigint) - $2 ORDER BY at LIMIT $3))
        """, database.GivenTime, CountsKeptFor, RowsPerStep).RunAsync(CancellationToken.None);
}
