using Databus.Jobs;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>Finds jobs, whether they have ended or not: by id, or those that a filter matches, a bounded number at a time.</summary>
internal static class JobListing
{
    private const int MaxBytesPerPage = 8 << 20;

    private const string Live =
        """
        SELECT j.job_id, j.name, j.queue, j.priority, j.state, j.arguments, j.attempt, j.max_attempts, j.enqueued_at, j.due_at, j.started_at,
               NULL::bigint AS ended_at, j.owner, NULL::bytea AS result, j.error, j.progress, j.message, j.cancel_requested
        FROM databus.jobs j
        """;

    /// <summary>What has been kept long enough is gone, whether it is removed yet or not.</summary>
    private const string Ended =
        """
        SELECT e.job_id, e.name, e.queue, e.priority, e.state, e.arguments, e.attempt, e.max_attempts, e.enqueued_at, e.due_at, e.started_at,
               e.ended_at, e.owner, e.result, e.error, e.progress, e.message, false
        FROM databus.ended_jobs e
        """;

    public static async Task<JobStatus?> FindAsync(NpgsqlConnection connection, long id, long? time, CancellationToken cancellationToken) =>
        (await connection.Command(
            $"""
            {Live} WHERE j.job_id = $1
            UNION ALL
            {Ended} WHERE e.job_id = $1 AND e.ended_at + e.keep_for > databus.now_in_ms($2::bigint)
            """, id, time).RowsAsync(Read, cancellationToken)).FirstOrDefault();

    /// <summary>The state of a job, ended or not; null: it is not there.</summary>
    public static async Task<JobState?> StateAsync(NpgsqlConnection connection, long id) => await connection.Command(
        "SELECT state FROM databus.jobs WHERE job_id = $1 UNION ALL SELECT state FROM databus.ended_jobs WHERE job_id = $1", id)
        .ValueAsync(CancellationToken.None) is short state ? (JobState)state : null;

    public static async Task<JobPage> ListAsync(
        NpgsqlConnection connection, JobFilter filter, long? before, int limit, long? time, CancellationToken cancellationToken)
    {
        var page = new List<JobStatus>();
        var (total, looked, lowest) = (0L, 0L, 0L);
        await using var command = Search(
            connection,
            filter,
            before,
            limit,
            time,
            """
            SELECT m.*, count(*) OVER (),
                   (SELECT count(*) FROM looked), (SELECT min(job_id) FROM looked),
                   sum(octet_length(arguments) + coalesce(octet_length(result), 0)) OVER (ORDER BY job_id DESC)
                   - octet_length(arguments) - coalesce(octet_length(result), 0) AS bytes_before
            FROM matching m ORDER BY job_id DESC
            """);
        await using (var rows = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await rows.ReadAsync(cancellationToken))
            {
                (total, looked, lowest) = (rows.GetInt64(18), rows.GetInt64(19), rows.GetInt64(20));
                if (rows.GetInt64(21) < MaxBytesPerPage)
                    page.Add(Read(rows));
            }
        }

        if (page.Count == 0)
            return new JobPage([], await LookedToAsync(connection, filter, before, time, cancellationToken));
        return new JobPage(page, ScannedTo(page.Count < total || page.Count == limit, page[^1].Id, looked, lowest));
    }

    /// <summary>The ids of one step of a change to many: those that match, and where the next step goes on.</summary>
    /// <param name="ended">Null: whether they have ended or not.</param>
    public static async Task<(List<long> Ids, long? ScannedTo)> StepAsync(
        NpgsqlConnection connection, JobFilter filter, long? before, int limit, bool? ended, long? time)
    {
        var states = Enum.GetValues<JobState>().Where(state => ended is null || state.IsEnd() == ended);
        var narrowed = filter with { States = [.. filter.States is null ? states : filter.States.Intersect(states)] };
        var found = await Search(
            connection, narrowed, before, limit, time,
            "SELECT job_id, (SELECT count(*) FROM looked), (SELECT min(job_id) FROM looked) FROM matching ORDER BY job_id DESC")
            .RowsAsync(rows => (Id: rows.GetInt64(0), Looked: rows.GetInt64(1), Lowest: rows.GetInt64(2)), CancellationToken.None);
        return found.Count == 0
            ? ([], await LookedToAsync(connection, narrowed, before, time, CancellationToken.None))
            : (found.ConvertAll(one => one.Id), ScannedTo(found.Count == limit, found[^1].Id, found[0].Looked, found[0].Lowest));
    }

    public static JobStatus Read(NpgsqlDataReader rows) => new(
        rows.GetInt64(0),
        rows.GetString(1),
        rows.GetString(2),
        (JobPriority)rows.GetInt16(3),
        (JobState)rows.GetInt16(4),
        rows.GetFieldValue<byte[]>(5),
        rows.GetInt32(6),
        rows.GetInt32(7),
        rows.Time(8),
        rows.Time(9),
        rows.MaybeTime(10),
        rows.MaybeTime(11),
        rows.Text(12),
        rows.IsDBNull(13) ? null : rows.GetFieldValue<byte[]>(13),
        rows.Text(14),
        rows.IsDBNull(15) ? null : rows.GetDouble(15),
        rows.Text(16),
        rows.GetBoolean(17));

    /// <summary>Where a look ends that stopped early, or looked at as many as it may.</summary>
    private static long? ScannedTo(bool stopped, long last, long looked, long lowest) =>
        stopped && (last > lowest || looked >= JobPage.MostLookedAt) ? last : looked >= JobPage.MostLookedAt ? lowest : null;

    private static async Task<long?> LookedToAsync(NpgsqlConnection connection, JobFilter filter, long? before, long? time, CancellationToken cancellationToken) =>
        await Search(
            connection, filter, before, limit: 0, time, $"SELECT min(job_id) FROM looked HAVING count(*) >= {JobPage.MostLookedAt}")
            .ValueAsync(cancellationToken) as long?;

    /// <summary>A statement on <c>looked</c>, the newest ids below one, and <c>matching</c>, those of them that match.</summary>
    private static NpgsqlCommand Search(NpgsqlConnection connection, JobFilter filter, long? before, int limit, long? time, string select)
    {
        var looked = filter.Ids is null
            ? """
              (SELECT j.job_id, false AS ended FROM databus.jobs j WHERE $13 AND j.job_id < $2 ORDER BY j.job_id DESC LIMIT $3)
              UNION ALL
              (SELECT e.job_id, true FROM databus.ended_jobs e WHERE $14 AND e.job_id < $2 ORDER BY e.job_id DESC LIMIT $3)
              ORDER BY 1 DESC LIMIT $3
              """
            : """
              SELECT g.job_id, NULL::boolean AS ended
              FROM (SELECT DISTINCT g AS job_id FROM unnest($15::bigint[]) g WHERE g < $2 ORDER BY g DESC LIMIT $3) g
              """;
        var states = filter.States?.Select(state => (short)state).ToArray();
        return connection.Command(
            $"""
            WITH clock AS MATERIALIZED (
                SELECT databus.now_in_ms($1::bigint) AS now
            ), looked AS MATERIALIZED (
                {looked}
            ), matching AS MATERIALIZED (
                SELECT s.*
                FROM looked l CROSS JOIN LATERAL (
                    {Live} WHERE j.job_id = l.job_id AND l.ended IS NOT TRUE
                    UNION ALL
                    {Ended} WHERE e.job_id = l.job_id AND l.ended IS NOT FALSE AND e.ended_at + e.keep_for > (SELECT now FROM clock)) s
                WHERE ($5::smallint[] IS NULL OR s.state = ANY($5))
                  AND ($6::text IS NULL OR s.queue = $6)
                  AND ($7::text IS NULL OR s.name = $7)
                  AND ($16::text IS NULL OR s.queue <> $16)
                  AND ($8::bigint IS NULL OR s.enqueued_at >= $8)
                  AND ($9::bigint IS NULL OR s.enqueued_at < $9)
                  AND ($10::bigint IS NULL OR coalesce(s.ended_at, (SELECT now FROM clock)) - s.enqueued_at > $10)
                  AND ($11::text IS NULL OR convert_from(s.arguments, 'UTF8') COLLATE "C" ILIKE $11 ESCAPE '!'
                                         OR convert_from(s.arguments, 'UTF8') COLLATE "C" ILIKE $12 ESCAPE '!')
                ORDER BY s.job_id DESC LIMIT $4
            )
            {select}
            """,
            time,
            before ?? long.MaxValue,
            JobPage.MostLookedAt,
            limit,
            states,
            filter.Queue,
            filter.Name,
            filter.EnqueuedAfter?.ToColumn(),
            filter.EnqueuedBefore?.ToColumn(),
            filter.OlderThan?.ToColumn(),
            string.IsNullOrEmpty(filter.Contains) ? null : LikePattern.Of(filter.Contains),
            string.IsNullOrEmpty(filter.Contains) ? null : LikePattern.OfEscaped(filter.Contains),
            filter.States?.Any(state => !state.IsEnd()) ?? true,
            filter.States?.Any(state => state.IsEnd()) ?? true,
            filter.Ids?.ToArray() ?? [],
            filter.NotQueue);
    }
}
