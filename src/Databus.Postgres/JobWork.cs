using Databus.Jobs;
using Databus.Subscriptions;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// Changes to jobs from which something follows for others: jobs that come after, keys that become free, limits that let
/// another one start. Runs inside a transaction of the caller: jobs are locked and loaded, the decisions are made here,
/// and one more round trip writes what came of them. Every statement sees what was committed before the locks were got.
/// </summary>
internal sealed class JobWork(NpgsqlConnection connection, long? time)
{
    /// <summary>In one statement at most, so that joining them stays cheap whatever the plan.</summary>
    private const int Together = 500;

    private readonly Dictionary<long, End> _ends = [];
    private readonly List<Again> _again = [];
    private readonly HashSet<long> _written = [];

    public JobEffects Effects { get; } = new();

    /// <summary>Locks jobs that have not ended; those that have are not among them.</summary>
    public async Task<List<LiveJob>> LoadAsync(IEnumerable<long> ids) => await connection.Command(
        $"""
        SELECT {LiveJob.Columns}
        FROM unnest($1::bigint[]) AS g(job_id)
        CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
        """, ids.Distinct().Order().ToArray()).RowsAsync(LiveJob.Read, CancellationToken.None);

    /// <summary>Locks the running jobs whose tokens are current.</summary>
    public async Task<List<LiveJob>> LoadRunningAsync(IEnumerable<LeaseToken> tokens)
    {
        var ordered = tokens.OrderBy(token => token.Id).ToArray();
        return await connection.Command(
            $"""
            SELECT {LiveJob.Columns}
            FROM unnest($2::bigint[], $3::bigint[]) AS g(job_id, fence)
            CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
            WHERE j.fence = g.fence AND j.state = 4 AND coalesce(j.lease_until > databus.now_in_ms($1::bigint), true)
            """, time, ordered.Select(token => token.Id).ToArray(), ordered.Select(token => token.Fence).ToArray()).RowsAsync(LiveJob.Read, CancellationToken.None);
    }

    /// <summary>It is over. Of a job that has an end already the first one counts.</summary>
    public void Finish(LiveJob job, JobState state, string? error, byte[]? result = null) => _ends.TryAdd(job.Id, new End(job, state, error, result));

    /// <summary>It does not run any more, and starts again later.</summary>
    /// <param name="usesAttempt">False: the start does not count.</param>
    public void StartAgain(LiveJob job, long delay, bool usesAttempt, int lost, string? error) => _again.Add(new Again(job, delay, usesAttempt, lost, error));

    /// <summary>Writes all of it; the caller commits.</summary>
    public async Task WriteAsync()
    {
        List<long> stopped;
        do
        {
            await CancelFollowersAsync();
            stopped = await WriteWhatIsNewAsync();
            foreach (var job in await LoadAsync(stopped))
                Finish(job, JobState.Cancelled, JobErrors.CancelledBeforeItStarted);
        }
        while (stopped.Count > 0);
    }

    /// <summary>Returns those that would start now, had they not been asked to stop.</summary>
    private async Task<List<long>> WriteWhatIsNewAsync()
    {
        var ends = _ends.Values.Where(end => _written.Add(end.Job.Id)).ToList();
        var keys = Released(ends);
        await using var batch = connection.CreateBatch();
        foreach (var some in ends.Chunk(Together))
            WriteEnds(batch, some);
        foreach (var some in _again.Chunk(Together))
            WriteAgain(batch, some);
        foreach (var again in _again)
            Effects.Wake(again.Job.Queue, again.Delay > 0 ? JobEffects.Later : again.Job.Id);
        _again.Clear();
        var followed = ends.Where(end => end.Job.HasFollowers).Select(end => end.Job.Id).ToArray();
        if (followed.Length > 0)
            WakeFollowers(batch, followed);
        if (keys.Length > 0)
            Release(batch, keys);

        Effects.HasEnds |= ends.Count > 0;
        foreach (var end in ends.Where(end => end.Job.IsQueueCounted))
            Effects.Wake(end.Job.Queue, JobEffects.Later);
        var stopped = new List<long>();
        if (batch.BatchCommands.Count == 0)
            return stopped;
        await using var rows = await batch.ExecuteReaderAsync();
        do
        {
            while (await rows.ReadAsync())
            {
                if (rows.IsDBNull(0))
                    stopped.Add(rows.GetInt64(1));
                else
                    Effects.Wake(rows.GetString(0), rows.GetInt64(1));
            }
        }
        while (await rows.NextResultAsync());
        return stopped;
    }

    /// <summary>
    /// Those that come after what did not succeed, and those after them. Found and locked again until no more are found,
    /// because others may have been enqueued after them before they were locked.
    /// </summary>
    private async Task CancelFollowersAsync()
    {
        while (true)
        {
            var failed = _ends.Values.Where(end => end.Job.HasFollowers && end.State != JobState.Succeeded).Select(end => end.Job.Id).ToArray();
            if (failed.Length == 0)
                return;
            var found = await connection.Command(
                """
                WITH RECURSIVE doomed AS (
                    SELECT f.follower_id, f.job_id AS because
                    FROM unnest($1::bigint[]) AS g(job_id)
                    CROSS JOIN LATERAL (SELECT f.* FROM databus.job_followers f WHERE f.job_id = g.job_id OFFSET 0) f
                    CROSS JOIN LATERAL (SELECT j.after_any_end, j.state FROM databus.jobs j WHERE j.job_id = f.follower_id OFFSET 0) j
                    WHERE j.state = 3 AND NOT j.after_any_end
                    UNION
                    SELECT f.follower_id, f.job_id
                    FROM doomed d
                    CROSS JOIN LATERAL (SELECT f.* FROM databus.job_followers f WHERE f.job_id = d.follower_id OFFSET 0) f
                    CROSS JOIN LATERAL (SELECT j.after_any_end, j.state FROM databus.jobs j WHERE j.job_id = f.follower_id OFFSET 0) j
                    WHERE j.state = 3 AND NOT j.after_any_end
                )
                SELECT follower_id, min(because) FROM doomed GROUP BY follower_id
                """, failed).RowsAsync(rows => (Id: rows.GetInt64(0), Because: rows.GetInt64(1)), CancellationToken.None);
            var because = found.Where(one => !_ends.ContainsKey(one.Id)).ToDictionary(one => one.Id, one => one.Because);
            if (because.Count == 0)
                return;

            // One that was cancelled and then retried waits for nobody any more.
            var waiting = (await LoadAsync(because.Keys)).FindAll(follower => follower.State == JobState.Blocked);
            if (waiting.Count == 0)
                return;
            foreach (var follower in waiting)
                Finish(follower, JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(because[follower.Id]));
        }
    }

    private void WriteEnds(NpgsqlBatch batch, End[] ends) => batch.With(
        """
        WITH clock AS MATERIALIZED (
            SELECT databus.now_in_ms($1::bigint) AS now
        ), held AS MATERIALIZED (
            SELECT j.*, g.next, g.said, g.result
            FROM unnest($2::bigint[], $3::integer[], $4::text[], $5::bytea[]) AS g(job_id, next, said, result)
            CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0) j
        ), ended AS (
            INSERT INTO databus.ended_jobs (
                job_id, name, queue, priority, state, arguments, attempt, max_attempts, fence, enqueued_at, due_at, started_at, ended_at, owner, keep_for,
                limit_key, limit_running, limit_starts, limit_per, result, progress, message, error, trace_parent)
            SELECT job_id, name, queue, priority, next, arguments, attempt, max_attempts, fence, enqueued_at, due_at, started_at, (SELECT now FROM clock), owner,
                   keep_for, limit_key, limit_running, limit_starts, limit_per, result,
                   CASE WHEN next = 10 AND progress IS NOT NULL THEN 1 ELSE progress END, message, said, trace_parent
            FROM held
        ), freed AS (
            DELETE FROM databus.unique_jobs WHERE unique_key = ANY($6) AND job_id = ANY($2) AND expires_at IS NULL
        ), counted AS (
            INSERT INTO databus.job_counts (at, queue, ended, wait)
            SELECT (SELECT now FROM clock), queue, count(*), sum(CASE WHEN started_at IS NULL THEN 0 ELSE greatest(0, started_at - due_at) END)
            FROM held GROUP BY queue
        )
        DELETE FROM databus.jobs WHERE job_id = ANY($2)
        """,
        time,
        ends.Select(end => end.Job.Id).ToArray(),
        ends.Select(end => (int)end.State).ToArray(),
        ends.Select(end => end.Error.ToColumn()).ToArray(),
        ends.Select(end => end.Result).ToArray(),
        ends.Where(end => end.Job.UniqueKey is not null).Select(end => end.Job.UniqueKey).ToArray());

    private void WriteAgain(NpgsqlBatch batch, Again[] again) => batch.With(
        """
        UPDATE databus.jobs j SET
            state = CASE WHEN ($3::bigint[])[array_position($2::bigint[], j.job_id)] > 0 THEN 1 ELSE 0 END, lease_until = NULL, queue_counted = false,
            due_at = databus.now_in_ms($1::bigint) + ($3::bigint[])[array_position($2::bigint[], j.job_id)],
            attempt = j.attempt - ($4::integer[])[array_position($2::bigint[], j.job_id)],
            lost = ($5::integer[])[array_position($2::bigint[], j.job_id)], error = ($6::text[])[array_position($2::bigint[], j.job_id)]
        WHERE j.job_id = ANY($2)
        """,
        time,
        again.Select(one => one.Job.Id).ToArray(),
        again.Select(one => Math.Max(0, one.Delay)).ToArray(),
        again.Select(one => one.UsesAttempt ? 0 : 1).ToArray(),
        again.Select(one => one.Lost).ToArray(),
        again.Select(one => one.Error.ToColumn()).ToArray());

    /// <summary>
    /// The time to expire is counted from when a job may start first, which is now for those that come last. There may be many
    /// thousands of them: how many each one waited for is found by halving an array in order, where a join would look through all
    /// for each. The arrays are subqueries: a row of FROM would be copied whole beside every row that changes.
    /// </summary>
    private void WakeFollowers(NpgsqlBatch batch, long[] ended) => batch.With(
        """
        WITH clock AS MATERIALIZED (
            SELECT databus.now_in_ms($1::bigint) AS now
        ), gone AS (
            DELETE FROM databus.job_followers WHERE job_id = ANY($2) RETURNING follower_id
        ), fewer AS MATERIALIZED (
            SELECT array_agg(follower_id ORDER BY follower_id) AS ids, array_agg(n ORDER BY follower_id) AS counts
            FROM (SELECT follower_id, count(*)::integer AS n FROM gone GROUP BY follower_id) g
        ), changed AS (
            UPDATE databus.jobs j SET (waits_for, state, due_at, expires_at) = (
                SELECT
                    j.waits_for - f.n,
                    CASE WHEN j.waits_for > f.n OR j.cancel_requested THEN 3 WHEN j.due_at > (SELECT now FROM clock) THEN 1 ELSE 0 END,
                    CASE WHEN j.waits_for > f.n THEN j.due_at ELSE greatest(j.due_at, (SELECT now FROM clock)) END,
                    CASE WHEN j.waits_for > f.n THEN j.expires_at
                         ELSE j.expires_at - j.due_at + greatest(j.due_at, (SELECT now FROM clock)) END
                FROM (SELECT (SELECT counts FROM fewer)[width_bucket(j.job_id, (SELECT ids FROM fewer))] AS n) f)
            WHERE j.job_id = ANY((SELECT ids FROM fewer)::bigint[]) AND j.state + 0 = 3
            RETURNING j.queue, j.job_id, j.state, j.waits_for
        )
        SELECT queue, min(job_id) FROM changed WHERE state < 3 GROUP BY queue
        UNION ALL
        SELECT NULL, job_id FROM changed WHERE state = 3 AND waits_for = 0
        """, time, ended);

    /// <summary>
    /// Each job that does not run any more, or will not start though its turn had come, lets one that its limit holds have a try:
    /// one of each queue, because a queue may be paused, or nobody asks for its jobs.
    /// </summary>
    private static void Release(NpgsqlBatch batch, (string Key, int Stopped, int Released)[] keys)
    {
        var names = keys.Select(key => key.Key).ToArray();
        batch.With(
            """
            UPDATE databus.job_limits l SET running = greatest(0, l.running - g.n)
            FROM unnest($1::text[], $2::integer[]) AS g(limit_key, n)
            WHERE l.limit_key = ANY($1) AND g.limit_key = l.limit_key
            """, names, keys.Select(key => key.Stopped).ToArray());
        batch.With(
            """
            WITH RECURSIVE places AS (
                SELECT g.limit_key, g.n, (
                    SELECT j.queue FROM databus.jobs j WHERE j.state = 2 AND j.limit_key = g.limit_key
                    ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1) AS queue
                FROM unnest($1::text[], $2::integer[]) AS g(limit_key, n)
                UNION ALL
                SELECT p.limit_key, p.n, (
                    SELECT j.queue FROM databus.jobs j WHERE j.state = 2 AND j.limit_key = p.limit_key AND j.queue > p.queue
                    ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1)
                FROM places p WHERE p.queue IS NOT NULL
            ), first AS MATERIALIZED (
                SELECT h.job_id
                FROM places g
                CROSS JOIN LATERAL (
                    SELECT h.job_id
                    FROM (VALUES (2::smallint), (1::smallint), (0::smallint)) AS p(priority)
                    CROSS JOIN LATERAL (
                        SELECT j.job_id FROM databus.jobs j
                        WHERE j.state = 2
                          AND j.limit_key = g.limit_key AND j.queue = g.queue AND j.priority = p.priority
                        ORDER BY j.job_id + 0 LIMIT g.n) h
                    ORDER BY p.priority DESC, h.job_id LIMIT g.n) h
                WHERE g.queue IS NOT NULL
            ), released AS (
                UPDATE databus.jobs j SET state = 0 WHERE j.job_id = ANY(ARRAY(SELECT job_id FROM first)) AND j.state + 0 = 2
                RETURNING j.queue, j.job_id
            )
            SELECT queue, min(job_id) FROM released GROUP BY queue
            """, names, keys.Select(key => key.Released).ToArray());
    }

    /// <summary>Which limits count fewer running jobs from now on, or have room again, in the order in which all lock them.</summary>
    private (string Key, int Stopped, int Released)[] Released(List<End> ends) =>
    [
        .. ends.Select(end => end.Job).Concat(_again.Select(again => again.Job)).SelectMany(ReleasedBy)
            .GroupBy(one => one.Key, StringComparer.Ordinal)
            .Select(key => (key.Key, key.Count(one => one.Stops), key.Count()))
            .OrderBy(key => key.Key, StringComparer.Ordinal),
    ];

    private static IEnumerable<(string Key, bool Stops)> ReleasedBy(LiveJob job) => job.State switch
    {
        JobState.Running => JobLimits.CountedKeys(job).Select(key => (key, true)),
        JobState.Waiting when job.Limit is { } limit => [(limit.Key, false)],
        _ => [],
    };

    private sealed record End(LiveJob Job, JobState State, string? Error, byte[]? Result);

    private sealed record Again(LiveJob Job, long Delay, bool UsesAttempt, int Lost, string? Error);
}
