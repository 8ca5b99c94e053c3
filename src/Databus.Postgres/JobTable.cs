using Databus.Jobs;
using Databus.Storage;
using Databus.Subscriptions;
using Npgsql;

namespace Databus.Postgres;

/// <summary>What happens to jobs one by one: they are claimed, ended, renewed, reported on. What follows for others is <see cref="JobWork"/>.</summary>
internal static class JobTable
{
    private const int MaxBytesPerClaim = 8 << 20;
    private const int DuePerClaim = 1000;

    /// <summary>In one statement at most, so that joining them stays cheap whatever the plan.</summary>
    private const int ReportsTogether = 500;
    private const int LinesKept = 1000;
    private const int LongestLine = 2000;

    /// <summary>
    /// Starts jobs, as far as nothing but their turn decides about them; the others come back as candidates. One statement,
    /// so that what becomes due is started, or waits, in the same step.
    /// </summary>
    /// <param name="max">How many to look at and, unless they are only candidates, to start.</param>
    /// <param name="starts">False: all are candidates.</param>
    /// <param name="heedsRates">False: what a rate holds no more has no turn before the others.</param>
    /// <param name="dueFrom">No delayed job that nobody has seen yet was due before.</param>
    public static async Task<ClaimedRows> ClaimAsync(
        NpgsqlConnection connection, JobClaim claim, ClaimFloors.Look look, int max, bool starts, bool heedsRates, IReadOnlyCollection<string> without,
        long dueFrom, long? time)
    {
        // Looks go by job_id + 0, which only the index of what is claimable has: see the migration. For the same reason nothing is
        // joined to the table of jobs: every look at it is by an array or from a subquery of its own.
        await using var command = connection.Command(
            """
            WITH clock AS MATERIALIZED (
                -- What a rate holds no more has its turn before anything starts.
                SELECT now, $16 AND EXISTS (SELECT FROM databus.job_limits WHERE opens_at <= now) AS opens
                FROM (SELECT databus.now_in_ms($1::bigint) AS now OFFSET 0) c
            ), looked AS MATERIALIZED (
                SELECT l.n, l.queue, l.priority, l.floor, coalesce(q.limit_running > 0 OR q.limit_starts > 0, false) AS limited
                FROM unnest($2::text[], $3::smallint[], $4::bigint[]) WITH ORDINALITY AS l(queue, priority, floor, n)
                LEFT JOIN databus.queues q ON q.queue = l.queue
                WHERE q.paused IS NOT TRUE
            ), due AS MATERIALIZED (
                SELECT j.job_id, j.queue, j.priority, j.name, octet_length(j.arguments) AS bytes,
                       j.limit_key IS NOT NULL OR coalesce(j.expires_at <= (SELECT now FROM clock), false) AS judged
                FROM databus.jobs j
                WHERE j.state = 1 AND j.due_at >= $5 AND j.due_at <= (SELECT now FROM clock)
                ORDER BY j.due_at, j.job_id LIMIT $6 FOR UPDATE SKIP LOCKED
            ), seen AS MATERIALIZED (
                SELECT l.n, l.priority, j.job_id
                FROM looked l CROSS JOIN LATERAL (
                    SELECT j.job_id FROM databus.jobs j
                    WHERE j.state = 0
                      AND j.queue = l.queue AND j.priority = l.priority AND j.job_id + 0 >= l.floor
                      AND ($7::text[] IS NULL OR j.name = ANY($7))
                    ORDER BY j.job_id + 0 LIMIT $8 + 1) j
            ), picked AS MATERIALIZED (
                SELECT n, priority, job_id FROM seen
                UNION ALL
                SELECT 0, d.priority, d.job_id FROM due d LEFT JOIN databus.queues q ON q.queue = d.queue
                WHERE q.paused IS NOT TRUE AND ($9::text[] IS NULL OR d.queue = ANY($9)) AND NOT d.queue = ANY($10)
                  AND ($7::text[] IS NULL OR d.name = ANY($7))
                ORDER BY 2 DESC, 3 LIMIT $8 + 1
            ), chosen AS MATERIALIZED (
                SELECT n, job_id FROM picked ORDER BY priority DESC, job_id LIMIT $8
            ), locked AS MATERIALIZED (
                -- Of each queue and priority as many as it has among the first, whoever else is claiming: others skip these.
                SELECT j.job_id, l.priority, j.bytes, l.limited OR j.judged AS judged
                FROM (SELECT n, count(*) AS share FROM chosen WHERE n > 0 GROUP BY n) s JOIN looked l USING (n)
                CROSS JOIN LATERAL (
                    SELECT j.job_id, octet_length(j.arguments) AS bytes,
                           j.limit_key IS NOT NULL OR coalesce(j.expires_at <= (SELECT now FROM clock), false) AS judged
                    FROM databus.jobs j
                    WHERE j.state = 0
                      AND j.queue = l.queue AND j.priority = l.priority AND j.job_id + 0 >= l.floor
                      AND ($7::text[] IS NULL OR j.name = ANY($7))
                    ORDER BY j.job_id + 0 LIMIT s.share FOR UPDATE SKIP LOCKED) j
                UNION ALL
                SELECT d.job_id, d.priority, d.bytes,
                       d.judged OR EXISTS (SELECT FROM databus.queues q WHERE q.queue = d.queue AND (q.limit_running > 0 OR q.limit_starts > 0))
                FROM due d WHERE d.job_id IN (SELECT job_id FROM chosen WHERE n = 0)
            ), fitting AS MATERIALIZED (
                SELECT job_id, priority, judged, sum(bytes) OVER (ORDER BY priority DESC, job_id) - bytes AS bytes_before FROM locked
            ), started AS (
                UPDATE databus.jobs j SET
                    state = 4, attempt = attempt + 1, fence = greatest(fence + 1, (SELECT now FROM clock) * 1000), started_at = (SELECT now FROM clock),
                    expires_at = NULL, owner = $11, lease_until = (SELECT now FROM clock) + $12::bigint, progress = NULL, message = NULL, lost = least(lost, $15)
                WHERE j.job_id = ANY(ARRAY(SELECT job_id FROM fitting WHERE $13 AND NOT (SELECT opens FROM clock) AND NOT judged AND bytes_before < $14))
                RETURNING j.job_id, j.priority, j.fence, j.name, j.queue, j.arguments, j.attempt, j.max_attempts, j.enqueued_at, j.due_at, j.trace_parent, j.lost
            ), promoted AS (
                UPDATE databus.jobs j SET state = 0
                WHERE j.job_id = ANY(ARRAY(
                    SELECT job_id FROM due EXCEPT SELECT job_id FROM fitting WHERE $13 AND NOT (SELECT opens FROM clock) AND NOT judged AND bytes_before < $14))
                RETURNING j.job_id, j.queue
            )
            SELECT 0, job_id, priority, fence, name, queue, arguments, attempt, max_attempts, enqueued_at, due_at, trace_parent, lost FROM started
            UNION ALL
            SELECT 1, job_id, priority, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM fitting
            WHERE (NOT $13 OR (SELECT opens FROM clock) OR judged) AND bytes_before < $14
            UNION ALL
            SELECT 2, min(job_id), NULL, n, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM seen GROUP BY n
            UNION ALL
            SELECT 3, min(job_id), NULL, NULL, NULL, queue, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM promoted GROUP BY queue
            UNION ALL
            SELECT 4, (SELECT now FROM clock), NULL, NULL, NULL, NULL, NULL,
                   CASE WHEN (SELECT count(*) FROM due) >= $6 THEN 2
                        WHEN (SELECT count(*) FROM picked) > $8 OR EXISTS (SELECT FROM fitting WHERE bytes_before >= $14) THEN 1 ELSE 0 END,
                   (SELECT opens::integer FROM clock),
                   (SELECT j.due_at FROM databus.jobs j WHERE j.state = 1 AND j.due_at > (SELECT now FROM clock) ORDER BY j.due_at, j.job_id LIMIT 1),
                   (SELECT opens_at FROM databus.job_limits WHERE opens_at > (SELECT now FROM clock) ORDER BY opens_at LIMIT 1), NULL, NULL
            """,
            time, look.Queues, look.Priorities, look.Ids, dueFrom, DuePerClaim, claim.Names?.ToArray(), max, claim.Queues?.ToArray(), without.ToArray(),
            claim.Owner, claim.Lease?.ToColumn(), starts, (long)MaxBytesPerClaim, JobErrors.LossesOfASuspect, heedsRates);
        var claimed = new ClaimedRows();
        await using var rows = await command.ExecuteReaderAsync();
        while (await rows.ReadAsync())
        {
            switch (rows.GetInt32(0))
            {
                case 0:
                    claimed.Started.Add((rows.GetInt16(2), ReadClaimed(rows)));
                    break;
                case 1:
                    claimed.Candidates.Add(rows.GetInt64(1));
                    break;
                case 2:
                    claimed.Seen.Add(((int)rows.GetInt64(3) - 1, rows.GetInt64(1)));
                    break;
                case 3:
                    claimed.Promoted.Wake(rows.GetString(5), rows.GetInt64(1));
                    break;
                default:
                    claimed.Now = rows.GetInt64(1);
                    claimed.More = rows.GetInt32(7) > 0;
                    claimed.MoreIsDue = rows.GetInt32(7) > 1;
                    claimed.LimitsOpen = rows.GetInt32(8) == 1;
                    claimed.NextDueAt = rows.Number(9);
                    claimed.NextOpensAt = rows.Number(10);
                    break;
            }
        }

        return claimed;
    }

    /// <summary>The queues in which something waits, each found by one look at the index.</summary>
    public static Task<List<string>> WaitingQueuesAsync(NpgsqlConnection connection) => connection.Command(
        """
        WITH RECURSIVE found AS (
            (SELECT j.queue FROM databus.jobs j WHERE j.state = 0 ORDER BY j.queue, j.priority, j.job_id + 0 LIMIT 1)
            UNION ALL
            SELECT (SELECT j.queue FROM databus.jobs j WHERE j.state = 0 AND j.queue > f.queue ORDER BY j.queue, j.priority, j.job_id + 0 LIMIT 1)
            FROM found f WHERE f.queue IS NOT NULL
        )
        SELECT queue FROM found WHERE queue IS NOT NULL
        """).RowsAsync(rows => rows.GetString(0), CancellationToken.None);

    /// <summary>
    /// Ends starts from which nothing follows for other jobs, for all that wait on this node: one statement. Those from
    /// which something follows are left, locked until the end of the transaction.
    /// </summary>
    /// <param name="completions">Each token once.</param>
    /// <returns>The tokens that are current; of those that are left alone, <c>IsLeft</c>.</returns>
    public static async Task<List<(LeaseToken Token, string Queue, JobState Next, bool IsLeft)>> CompleteAsync(
        NpgsqlConnection connection, IReadOnlyList<JobCompletion> completions, long? time) => await connection.Command(
        """
        WITH clock AS MATERIALIZED (
            SELECT databus.now_in_ms($1::bigint) AS now
        ), held AS MATERIALIZED (
            SELECT j.*, g.outcome, g.result, g.said, g.delay,
                   j.has_followers OR j.queue_counted OR (j.limit_key IS NOT NULL AND j.limit_running > 0) AS is_left,
                   CASE WHEN g.outcome = 0 THEN 10
                        WHEN g.outcome = 2 THEN 11
                        WHEN j.cancel_requested THEN 12
                        WHEN g.outcome = 1 AND j.attempt >= j.max_attempts THEN 11
                        WHEN g.delay > 0 THEN 1 ELSE 0 END AS next
            FROM unnest($2::bigint[], $3::bigint[], $4::integer[], $5::bytea[], $6::text[], $7::bigint[]) AS g(job_id, fence, outcome, result, said, delay)
            CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
            WHERE j.fence = g.fence AND j.state = 4 AND coalesce(j.lease_until > (SELECT now FROM clock), true)
        ), ended AS (
            INSERT INTO databus.ended_jobs (
                job_id, name, queue, priority, state, arguments, attempt, max_attempts, fence, enqueued_at, due_at, started_at, ended_at, owner, keep_for,
                limit_key, limit_running, limit_starts, limit_per, result, progress, message, error, trace_parent)
            SELECT job_id, name, queue, priority, next, arguments, attempt, max_attempts, fence, enqueued_at, due_at, started_at, (SELECT now FROM clock), owner,
                   keep_for, limit_key, limit_running, limit_starts, limit_per, CASE WHEN next = 10 THEN result END,
                   CASE WHEN next = 10 AND progress IS NOT NULL THEN 1 ELSE progress END, message,
                   CASE WHEN next = 12 THEN coalesce(said, error) WHEN next <> 10 THEN coalesce(said, $8) END, trace_parent
            FROM held WHERE next >= 10 AND NOT is_left
        ), removed AS (
            DELETE FROM databus.jobs WHERE job_id = ANY(ARRAY(SELECT job_id FROM held WHERE next >= 10 AND NOT is_left))
        ), freed AS (
            DELETE FROM databus.unique_jobs
            WHERE unique_key = ANY(ARRAY(SELECT unique_key FROM held WHERE next >= 10 AND NOT is_left AND unique_key IS NOT NULL))
              AND job_id = ANY($2) AND expires_at IS NULL
        ), counted AS (
            INSERT INTO databus.job_counts (at, queue, ended, wait)
            SELECT (SELECT now FROM clock), queue, count(*), sum(greatest(0, started_at - due_at)) FROM held WHERE next >= 10 AND NOT is_left GROUP BY queue
        ), all_again AS MATERIALIZED (
            -- Arrays in place of a join, which would look each of them up for each of them; and read by subqueries, because a
            -- row of FROM would be copied whole beside every row that changes.
            SELECT array_agg(job_id) AS ids, array_agg(next) AS nexts, array_agg(outcome) AS outcomes, array_agg(delay) AS delays, array_agg(said) AS said
            FROM held WHERE next < 10 AND NOT is_left
        ), again AS (
            UPDATE databus.jobs j SET (state, lease_until, lost, due_at, attempt, error) = (
                SELECT
                    h.next, NULL::bigint, CASE WHEN h.outcome = 1 THEN 0 ELSE j.lost END, (SELECT now FROM clock) + greatest(0, h.delay),
                    j.attempt - CASE WHEN h.outcome = 1 THEN 0 ELSE 1 END, coalesce(h.said, CASE WHEN h.outcome = 1 THEN $8 ELSE j.error END)
                FROM (
                    SELECT (SELECT nexts FROM all_again)[n] AS next, (SELECT outcomes FROM all_again)[n] AS outcome,
                           (SELECT delays FROM all_again)[n] AS delay, (SELECT said FROM all_again)[n] AS said
                    FROM (SELECT array_position((SELECT ids FROM all_again), j.job_id) AS n OFFSET 0) p) h)
            WHERE j.job_id = ANY(ARRAY(SELECT job_id FROM held WHERE next < 10 AND NOT is_left))
        )
        SELECT job_id, fence, queue, next::smallint, is_left FROM held
        """,
        time,
        completions.Select(one => one.Token.Id).ToArray(),
        completions.Select(one => one.Token.Fence).ToArray(),
        completions.Select(one => (int)one.Outcome).ToArray(),
        completions.Select(one => one.Outcome == JobOutcome.Succeeded ? one.Result : null).ToArray(),
        completions.Select(one => one.Error.ToColumn()).ToArray(),
        completions.Select(one => one.Delay.ToColumn()).ToArray(),
        JobErrors.NoReason).RowsAsync(
        rows => (new LeaseToken(rows.GetInt64(0), rows.GetInt64(1)), rows.GetString(2), (JobState)rows.GetInt16(3), rows.GetBoolean(4)), CancellationToken.None);

    public static async Task<JobRenewal> RenewAsync(NpgsqlConnection connection, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, long? time)
    {
        var given = tokens.Distinct().OrderBy(token => token.Id).ToArray();
        var current = await connection.Command(
            """
            WITH clock AS MATERIALIZED (
                SELECT databus.now_in_ms($1::bigint) AS now
            ), held AS MATERIALIZED (
                SELECT j.job_id, j.fence, j.cancel_requested, j.lease_until
                FROM unnest($2::bigint[], $3::bigint[]) AS g(job_id, fence)
                CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
                WHERE j.fence = g.fence AND j.state = 4 AND coalesce(j.lease_until > (SELECT now FROM clock), true)
            ), renewed AS (
                UPDATE databus.jobs SET lease_until = (SELECT now FROM clock) + $4::bigint
                WHERE job_id = ANY(ARRAY(SELECT job_id FROM held WHERE lease_until IS NOT NULL))
            )
            SELECT job_id, fence, cancel_requested FROM held
            """, time, given.Select(token => token.Id).ToArray(), given.Select(token => token.Fence).ToArray(), lease.ToColumn()).RowsAsync(
            ReadCurrent, CancellationToken.None);
        return Answer(tokens, current);
    }

    /// <summary>Keeps what running jobs say, and of each one's log the end.</summary>
    public static async Task<JobRenewal> ReportAsync(NpgsqlConnection connection, IReadOnlyList<JobReport> reports, long? time)
    {
        // Several reports of one start: the last word of each kind holds.
        var starts = reports.GroupBy(report => report.Token).OrderBy(start => start.Key.Id).ToArray();
        if (starts.Length == 0)
            return new JobRenewal([], []);
        await using var batch = connection.CreateBatch();
        foreach (var some in starts.Chunk(ReportsTogether))
            Report(batch, some, time);
        if (starts.Where(start => start.Any(report => report.Lines.Count > 0)).Select(start => start.Key.Id).ToArray() is { Length: > 0 } logged)
        {
            batch.With(
                """
                DELETE FROM databus.job_log WHERE (job_id, line_id) IN (
                    SELECT l.job_id, l.line_id FROM unnest($1::bigint[]) AS g(job_id) CROSS JOIN LATERAL (
                        SELECT l.job_id, l.line_id FROM databus.job_log l WHERE l.job_id = g.job_id ORDER BY l.line_id DESC OFFSET $2) l)
                """, logged, LinesKept);
        }

        await using var rows = await batch.ExecuteReaderAsync();
        var current = new List<(LeaseToken, bool)>();
        do
        {
            while (await rows.ReadAsync())
                current.Add(ReadCurrent(rows));
        }
        while (await rows.NextResultAsync());
        await rows.CloseAsync();
        return Answer([.. reports.Select(report => report.Token)], current);
    }

    public static Task<List<LeaseToken>> ListRunningAsync(NpgsqlConnection connection, string owner, CancellationToken cancellationToken) =>
        connection.Command(
            """
            (SELECT job_id, fence FROM databus.jobs WHERE state = 4 AND lease_until IS NULL AND owner = $1 ORDER BY owner, job_id)
            UNION ALL
            (SELECT job_id, fence FROM databus.jobs WHERE state = 4 AND lease_until IS NOT NULL AND owner = $1)
            """, owner).RowsAsync(rows => new LeaseToken(rows.GetInt64(0), rows.GetInt64(1)), cancellationToken);

    public static Task<List<LeaseToken>> ListCancelRequestsAsync(NpgsqlConnection connection, string owner, CancellationToken cancellationToken) =>
        connection.Command(
            "SELECT job_id, fence FROM databus.jobs WHERE state = 4 AND cancel_requested AND owner = $1 ORDER BY owner, job_id", owner)
            .RowsAsync(rows => new LeaseToken(rows.GetInt64(0), rows.GetInt64(1)), cancellationToken);

    public static async Task<long> LastIdAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await connection.Command("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM databus.jobs_job_id_seq").ValueAsync(cancellationToken) is long last
            ? last
            : 0;

    public static Task<List<JobLogLine>> ReadLogAsync(NpgsqlConnection connection, long id, int limit, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT at, attempt, level, line
            FROM (SELECT * FROM databus.job_log WHERE job_id = $1 ORDER BY line_id DESC LIMIT $2) l ORDER BY line_id
            """, id, Math.Min(limit, LinesKept)).RowsAsync(
            rows => new JobLogLine(rows.Time(0), rows.GetInt32(1), rows.GetInt16(2), rows.GetString(3)), cancellationToken);

    /// <summary>Reads a start from these columns, after two that do not belong to it.</summary>
    public static ClaimedJob ReadClaimed(NpgsqlDataReader rows) => new(
        new LeaseToken(rows.GetInt64(1), rows.GetInt64(3)), rows.GetString(4), rows.GetString(5), rows.GetFieldValue<byte[]>(6), rows.GetInt32(7),
        rows.GetInt32(8), rows.Time(9), rows.Time(10), rows.Text(11))
    {
        Losses = rows.GetInt32(12),
    };

    private static void Report(NpgsqlBatch batch, IGrouping<LeaseToken, JobReport>[] starts, long? time)
    {
        var lines = starts.SelectMany(start => start.SelectMany(report => report.Lines).Select(line => (start.Key, Line: line))).ToArray();
        batch.With(
            """
            WITH clock AS MATERIALIZED (
                SELECT databus.now_in_ms($1::bigint) AS now
            ), held AS MATERIALIZED (
                SELECT j.job_id, j.fence, j.cancel_requested, g.progress, g.message, g.alone
                FROM unnest($2::bigint[], $3::bigint[], $4::double precision[], $5::text[], $12::boolean[]) AS g(job_id, fence, progress, message, alone)
                CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
                WHERE j.fence = g.fence AND j.state = 4 AND coalesce(j.lease_until > (SELECT now FROM clock), true)
            ), said AS (
                UPDATE databus.jobs j SET
                    progress = coalesce(h.progress, j.progress), message = coalesce(h.message, j.message), lost = CASE WHEN h.alone THEN $13 ELSE j.lost END
                FROM held h
                WHERE j.job_id = ANY(ARRAY(SELECT job_id FROM held WHERE progress IS NOT NULL OR message IS NOT NULL OR alone)) AND h.job_id = j.job_id
            ), logged AS (
                INSERT INTO databus.job_log (job_id, at, attempt, level, line)
                SELECT l.job_id, l.at, l.attempt, l.level, l.line
                FROM unnest($6::bigint[], $7::bigint[], $8::bigint[], $9::integer[], $10::integer[], $11::text[])
                    WITH ORDINALITY AS l(job_id, fence, at, attempt, level, line, n)
                JOIN held h ON h.job_id = l.job_id AND h.fence = l.fence ORDER BY l.n
            )
            SELECT job_id, fence, cancel_requested FROM held
            """,
            time,
            starts.Select(start => start.Key.Id).ToArray(),
            starts.Select(start => start.Key.Fence).ToArray(),
            starts.Select(start => start.LastOrDefault(report => report.Progress is not null)?.Progress).ToArray(),
            starts.Select(start => start.LastOrDefault(report => report.Message is not null)?.Message.ToColumn()).ToArray(),
            lines.Select(line => line.Key.Id).ToArray(),
            lines.Select(line => line.Key.Fence).ToArray(),
            lines.Select(line => line.Line.At.ToColumn()).ToArray(),
            lines.Select(line => line.Line.Attempt).ToArray(),
            lines.Select(line => line.Line.Level).ToArray(),
            lines.Select(line => Cut(line.Line.Text).ToColumn()).ToArray(),
            starts.Select(start => start.Any(report => report.IsAlone)).ToArray(),
            JobErrors.MostLossesInARow);
    }

    private static string Cut(string line) => line.Length <= LongestLine ? line : line[..LongestLine];

    private static (LeaseToken Token, bool ShallStop) ReadCurrent(NpgsqlDataReader rows) =>
        (new LeaseToken(rows.GetInt64(0), rows.GetInt64(1)), rows.GetBoolean(2));

    private static JobRenewal Answer(IReadOnlyList<LeaseToken> asked, List<(LeaseToken Token, bool ShallStop)> current)
    {
        var found = current.ToDictionary(one => one.Token, one => one.ShallStop);
        return new JobRenewal(
            [.. asked.Distinct().Where(token => !found.ContainsKey(token))], [.. asked.Distinct().Where(token => found.GetValueOrDefault(token))]);
    }
}

/// <summary>What a claim found.</summary>
internal sealed class ClaimedRows
{
    public List<(short Priority, ClaimedJob Job)> Started { get; } = [];

    /// <summary>Those about which more than their turn decides.</summary>
    public List<long> Candidates { get; } = [];

    /// <summary>By place in the look, the first that was there.</summary>
    public List<(int Place, long Id)> Seen { get; } = [];

    public JobEffects Promoted { get; } = new();

    public long Now { get; set; }

    public bool More { get; set; }

    /// <summary>More delayed jobs are due than were looked at.</summary>
    public bool MoreIsDue { get; set; }

    /// <summary>A rate holds jobs that it need not hold any more.</summary>
    public bool LimitsOpen { get; set; }

    public long? NextDueAt { get; set; }

    public long? NextOpensAt { get; set; }
}
