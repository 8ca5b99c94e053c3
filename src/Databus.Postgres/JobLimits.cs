using Databus.Jobs;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// What jobs of one key, or of one queue, may do together. The rows of the limits are locked in the order of their keys and
/// counted up and down in the transaction in which the jobs start and end.
/// </summary>
internal sealed class JobLimits(NpgsqlConnection connection, long? time)
{
    private const int KeysPerRelease = 100;
    private const int JobsPerKey = 500;

    /// <summary>In front of a queue's name: the key of the queue's own limit, which no job's is.</summary>
    private const string OfQueue = "\u0001queue ";
    private const string OfJob = "\u0001\u0001";

    private readonly SortedDictionary<string, State> _states = new(StringComparer.Ordinal);
    private long _now;

    public static string QueueKey(string queue) => OfQueue + queue;

    /// <summary>A job's key as it is stored: only one that could be taken for a queue's is written differently.</summary>
    public static string? JobKey(JobLimit? limit) =>
        limit is null ? null : (limit.Key.StartsWith('\u0001') ? OfJob + limit.Key : limit.Key).ToColumn();

    /// <summary>The limits that count this job as running.</summary>
    public static IEnumerable<string> CountedKeys(LiveJob job)
    {
        if (job.Limit is { MaxRunning: > 0 } limit)
            yield return limit.Key;
        if (job.IsQueueCounted)
            yield return QueueKey(job.Queue);
    }

    /// <summary>
    /// Judges the candidates of a claim in their order: each is started, held by its own limit, left because of its queue's, or
    /// has expired. In a transaction of the caller.
    /// </summary>
    public async Task<JudgedCandidates> StartAsync(IReadOnlyList<long> candidates, JobClaim claim, int max)
    {
        var judged = new JudgedCandidates();
        var (jobs, queues) = await LoadAsync(candidates);
        await LockAsync(jobs.Select(job => job.Limit?.Key).Concat(jobs.Where(job => queues.ContainsKey(job.Queue)).Select(job => QueueKey(job.Queue))));

        List<long> started = [], held = [];
        foreach (var job in jobs.OrderByDescending(job => job.Priority).ThenBy(job => job.Id))
        {
            var queue = queues.GetValueOrDefault(job.Queue);
            if (started.Count >= max)
            {
                break;
            }

            if (job.ExpiresAt <= _now)
            {
                judged.Expired.Add(job);
            }
            else if (job.Limit is { } own && !_states[own.Key].Allows(own, _now))
            {
                held.Add(job.Id);
            }
            else if (queue is not null && !_states[QueueKey(job.Queue)].Allows(queue, _now))
            {
                judged.Refused.Add(job.Queue);
            }
            else
            {
                started.Add(job.Id);
                if (job.Limit is not null)
                    _states[job.Limit.Key].Start(job.Limit, _now);
                if (queue is not null)
                    _states[QueueKey(job.Queue)].Start(queue, _now);
            }
        }

        judged.Remaining = jobs.Count - held.Count - started.Count - judged.Expired.Count;
        judged.HasLimits = jobs.Exists(job => job.Limit is not null || queues.ContainsKey(job.Queue));
        judged.NextOpensAt = _states.Values.Min(state => state.OpensAt);
        await using var batch = connection.CreateBatch();
        Write(batch);
        if (held.Count > 0)
            batch.With("UPDATE databus.jobs SET state = 2 WHERE job_id = ANY($1)", held.ToArray());
        batch.With(
            """
            UPDATE databus.jobs j SET
                state = 4, attempt = attempt + 1, fence = greatest(fence + 1, $1 * 1000), started_at = $1, expires_at = NULL, owner = $2,
                lease_until = $1 + $3::bigint, queue_counted = j.queue = ANY($4), progress = NULL, message = NULL, lost = least(lost, $6)
            WHERE j.job_id = ANY($5)
            RETURNING 0, j.job_id, j.priority, j.fence, j.name, j.queue, j.arguments, j.attempt, j.max_attempts, j.enqueued_at, j.due_at, j.trace_parent, j.lost
            """, _now, claim.Owner, claim.Lease?.ToColumn(), queues.Where(queue => queue.Value.MaxRunning > 0).Select(queue => queue.Key).ToArray(), started.ToArray(),
            JobErrors.LossesOfASuspect);
        await using var rows = await batch.ExecuteReaderAsync();
        do
        {
            while (await rows.ReadAsync())
                judged.Started.Add((rows.GetInt16(2), JobTable.ReadClaimed(rows)));
        }
        while (await rows.NextResultAsync());
        return judged;
    }

    /// <summary>
    /// Lets go what limits hold though they need not: where a rate lets more start now, or, given keys, wherever there is room. Null:
    /// others have all of them in hand.
    /// </summary>
    public async Task<JobEffects?> ReleaseAsync(IReadOnlyCollection<string>? keys)
    {
        var effects = new JobEffects();
        var locked = keys ?? await connection.Command(
            """
            SELECT limit_key FROM databus.job_limits WHERE opens_at <= databus.now_in_ms($1::bigint) ORDER BY opens_at LIMIT $2 FOR UPDATE SKIP LOCKED
            """, time, KeysPerRelease).RowsAsync(rows => rows.GetString(0), CancellationToken.None);
        if (locked.Count == 0)
            return null;
        await LockAsync(locked);
        var held = await connection.Command(
            $"""
            WITH RECURSIVE places AS (
                SELECT g.limit_key, (
                    SELECT j.queue FROM databus.jobs j WHERE j.state = 2 AND j.limit_key = g.limit_key
                    ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1) AS queue
                FROM unnest($1::text[]) AS g(limit_key)
                UNION ALL
                SELECT p.limit_key, (
                    SELECT j.queue FROM databus.jobs j WHERE j.state = 2 AND j.limit_key = p.limit_key AND j.queue > p.queue
                    ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1)
                FROM places p WHERE p.queue IS NOT NULL
            )
            SELECT {LiveJob.Columns}
            FROM places g
            CROSS JOIN (VALUES (2::smallint), (1::smallint), (0::smallint)) AS p(priority)
            CROSS JOIN LATERAL (
                SELECT j.* FROM databus.jobs j
                WHERE j.state = 2
                  AND j.limit_key = g.limit_key AND j.queue = g.queue AND j.priority = p.priority
                ORDER BY j.job_id + 0 LIMIT $2) j
            WHERE g.queue IS NOT NULL
            """, locked.ToArray(), JobsPerKey).RowsAsync(LiveJob.Read, CancellationToken.None);
        foreach (var key in locked)
            _states[key].IsOpen = true;

        // As if they started now, each queue as if it were alone: another one may be paused, or nobody asks for its jobs.
        var released = new List<long>();
        foreach (var alike in held.GroupBy(job => (job.Limit!.Key, job.Queue)))
        {
            var state = _states[alike.Key.Key].Copy();
            foreach (var job in alike.OrderByDescending(job => job.Priority).ThenBy(job => job.Id).Where(job => state.Allows(job.Limit!, _now)))
            {
                state.Pretend(job.Limit!, _now);
                released.Add(job.Id);
                effects.Wake(job.Queue, job.Id);
            }

            _states[alike.Key.Key].OpenAt(state.OpensAt);
        }

        await using var batch = connection.CreateBatch();
        Write(batch);
        batch.With("UPDATE databus.jobs SET state = 0 WHERE job_id = ANY($1) AND state + 0 = 2", released.ToArray());
        await batch.ExecuteNonQueryAsync();
        return effects;
    }

    /// <summary>The keys of which something is held, a bounded number of them after a key.</summary>
    public Task<List<string>> HeldKeysAsync(string after) => connection.Command(
        """
        WITH RECURSIVE found AS (
            (SELECT j.limit_key, 1 AS n FROM databus.jobs j WHERE j.state = 2 AND j.limit_key > $1 ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1)
            UNION ALL
            SELECT (SELECT j.limit_key FROM databus.jobs j WHERE j.state = 2 AND j.limit_key > f.limit_key
                    ORDER BY j.limit_key, j.queue, j.priority, j.job_id + 0 LIMIT 1), n + 1
            FROM found f WHERE f.limit_key IS NOT NULL AND n < $2
        )
        SELECT limit_key FROM found WHERE limit_key IS NOT NULL
        """, after, KeysPerRelease).RowsAsync(rows => rows.GetString(0), CancellationToken.None);

    /// <summary>Locks those that nobody else has; with them come the limits of queues.</summary>
    private async Task<(List<LiveJob> Jobs, Dictionary<string, JobLimit> Queues)> LoadAsync(IReadOnlyList<long> candidates)
    {
        await using var batch = connection.CreateBatch()
            .With(
                $"""
                SELECT {LiveJob.Columns}
                FROM unnest($1::bigint[]) AS g(job_id)
                CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE SKIP LOCKED) j
                WHERE j.state = 0
                """, candidates.ToArray())
            .With("SELECT queue, limit_running, limit_starts, limit_per FROM databus.queues WHERE limit_running > 0 OR limit_starts > 0");
        await using var rows = await batch.ExecuteReaderAsync();
        var jobs = await rows.RestAsync(LiveJob.Read, CancellationToken.None);
        await rows.NextResultAsync();
        var queues = await rows.RestAsync(row => QueueTable.ReadLimit(row.GetString(0), row, 1)!, CancellationToken.None);
        return (jobs, queues.ToDictionary(limit => limit.Key, StringComparer.Ordinal));
    }

    /// <summary>Locks the rows of these limits, in order, and reads them; those that are not there yet are made.</summary>
    private async Task LockAsync(IEnumerable<string?> keys)
    {
        var names = keys.OfType<string>().Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        await using var batch = connection.CreateBatch()
            .With("SELECT databus.now_in_ms($1::bigint)", time)
            .With("INSERT INTO databus.job_limits (limit_key, running, starts) SELECT g, 0, '{}' FROM unnest($1::text[]) g ON CONFLICT DO NOTHING", (object)names)
            .With("SELECT limit_key, running, starts FROM databus.job_limits WHERE limit_key = ANY($1) ORDER BY limit_key FOR UPDATE", (object)names);
        await using var rows = await batch.ExecuteReaderAsync();
        await rows.ReadAsync();
        _now = rows.GetInt64(0);
        await rows.NextResultAsync();
        while (await rows.ReadAsync())
            _states[rows.GetString(0)] = new State(rows.GetInt32(1), [.. rows.GetFieldValue<long[]>(2)]);

        // Removed by the purge between the two statements: full until the next look.
        foreach (var name in names)
            _states.TryAdd(name, State.Full());
    }

    private void Write(NpgsqlBatch batch)
    {
        var changed = _states.Where(state => state.Value.IsChanged).ToArray();
        if (changed.Length == 0)
            return;
        batch.With(
            """
            UPDATE databus.job_limits l SET
                running = l.running + g.running,
                starts = CASE WHEN g.starts = 0 THEN l.starts ELSE
                    (l.starts || array_fill($1::bigint, ARRAY[g.starts]))[greatest(1, cardinality(l.starts) + g.starts - g.keep + 1):] END,
                opens_at = CASE WHEN g.opened THEN g.opens_at ELSE least(l.opens_at, g.opens_at) END
            FROM unnest($2::text[], $3::integer[], $4::integer[], $5::integer[], $6::bigint[], $7::boolean[])
                AS g(limit_key, running, starts, keep, opens_at, opened)
            WHERE l.limit_key = ANY($2) AND g.limit_key = l.limit_key
            """,
            _now,
            changed.Select(state => state.Key).ToArray(),
            changed.Select(state => state.Value.RunningAdded).ToArray(),
            changed.Select(state => state.Value.StartsAdded).ToArray(),
            changed.Select(state => state.Value.StartsKept).ToArray(),
            changed.Select(state => state.Value.OpensAt).ToArray(),
            changed.Select(state => state.Value.IsOpen).ToArray());
    }

    /// <summary>A limit's row, and what is about to be written to it.</summary>
    private sealed class State(int running, List<long> starts)
    {
        private int _running = running;
        private bool _isFull;

        public int RunningAdded { get; private set; }

        public int StartsAdded { get; private set; }

        public int StartsKept { get; private set; }

        /// <summary>When the rate lets another one start that it refused.</summary>
        public long? OpensAt { get; private set; }

        /// <summary>The time at which it opens is over, and what is held is judged anew.</summary>
        public bool IsOpen { get; set; }

        public bool IsChanged => IsOpen || RunningAdded > 0 || StartsAdded > 0 || OpensAt is not null;

        public static State Full() => new(0, []) { _isFull = true };

        public bool Allows(JobLimit limit, long now)
        {
            if (_isFull || (limit.MaxRunning > 0 && _running >= limit.MaxRunning))
                return false;
            if (limit.MaxStarts == 0 || starts.Count < limit.MaxStarts)
                return true;
            var oldest = starts[^limit.MaxStarts];
            var opensAt = oldest + limit.Per.ToColumn();
            if (opensAt <= now)
                return true;
            OpensAt = Math.Min(opensAt, OpensAt ?? long.MaxValue);
            return false;
        }

        public void Start(JobLimit limit, long now)
        {
            Pretend(limit, now);
            if (limit.MaxRunning > 0)
                RunningAdded++;
            if (limit.MaxStarts > 0)
            {
                StartsAdded++;
                StartsKept = Math.Max(StartsKept, limit.MaxStarts);
            }
        }

        public State Copy() => new(_running, [.. starts]) { _isFull = _isFull };

        public void OpenAt(long? time) => OpensAt = time is null || OpensAt < time ? OpensAt : time;

        /// <summary>For what is judged after it, and not to be written.</summary>
        public void Pretend(JobLimit limit, long now)
        {
            if (limit.MaxRunning > 0)
                _running++;
            if (limit.MaxStarts > 0)
                starts.Add(now);
        }
    }
}

/// <summary>What became of the candidates of a claim.</summary>
internal sealed class JudgedCandidates
{
    public List<(short Priority, ClaimedJob Job)> Started { get; } = [];

    public List<LiveJob> Expired { get; } = [];

    /// <summary>Queues whose own limit is reached.</summary>
    public HashSet<string> Refused { get; } = new(StringComparer.Ordinal);

    /// <summary>How many were left as they are.</summary>
    public int Remaining { get; set; }

    public bool HasLimits { get; set; }

    public long? NextOpensAt { get; set; }
}
