using Databus.Jobs;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// How jobs come in. Without unique keys and without jobs to come after it is one statement. Otherwise first the keys are taken and
/// the ids given, then the jobs they come after are locked, then they are written: a transaction of the caller.
/// </summary>
internal sealed class JobInsertion(NpgsqlConnection connection, long? time)
{
    public JobEffects Effects { get; } = new();

    public static bool IsPlain(IEnumerable<NewJob> jobs) => !jobs.Any(job => job.UniqueKey is not null || job.After.Count > 0);

    /// <summary>All of them or none; outcomes in the order given.</summary>
    public async Task<EnqueueOutcome[]> InsertAsync(IReadOnlyList<IReadOnlyList<NewJob>> calls)
    {
        var jobs = new List<Incoming>();
        foreach (var call in calls)
        {
            var first = jobs.Count;
            jobs.AddRange(call.Select(job => new Incoming(job, first)));
        }

        if (jobs.Count == 0)
            return [];
        if (!IsPlain(jobs.Select(job => job.New)))
        {
            await TakeKeysAsync(jobs);
            if (jobs.Exists(job => job.New.After.Count > 0))
                await ResolveAsync(jobs);
        }

        var added = jobs.FindAll(job => job.IsAdded);
        await WriteAsync(added);
        foreach (var job in added)
            Effects.Wake(job.New.Queue, job.Id);
        return [.. jobs.Select(job => new EnqueueOutcome(job.Id, job.IsAdded))];
    }

    /// <summary>
    /// Takes the keys that are free and gives the jobs that have theirs an id. A key that somebody else is just taking, or
    /// freeing, is waited for; all take keys in the same order.
    /// </summary>
    private async Task TakeKeysAsync(List<Incoming> jobs)
    {
        // Of those with the same key in one commit the first has it, unless it is taken.
        var first = new Dictionary<string, Incoming>(StringComparer.Ordinal);
        var asking = jobs.FindAll(job => job.Key is null || first.TryAdd(job.Key, job));
        await using (var batch = connection.CreateBatch()
            .With(
                """
                WITH clock AS MATERIALIZED (
                    SELECT databus.now_in_ms($1::bigint) AS now
                ), seen AS MATERIALIZED (
                    SELECT g.*, (
                        SELECT u.job_id FROM databus.unique_jobs u
                        WHERE u.unique_key = g.unique_key AND coalesce(u.expires_at > (SELECT now FROM clock), true)) AS holder
                    FROM unnest($2::text[], $3::bigint[]) WITH ORDINALITY AS g(unique_key, unique_for, n)
                ), given AS MATERIALIZED (
                    SELECT n, unique_key, unique_for, holder, CASE WHEN holder IS NULL THEN nextval('databus.jobs_job_id_seq') END AS job_id FROM seen
                ), taken AS (
                    INSERT INTO databus.unique_jobs AS u (unique_key, job_id, expires_at)
                    SELECT unique_key, job_id, (SELECT now FROM clock) + unique_for FROM given
                    WHERE unique_key IS NOT NULL AND job_id IS NOT NULL ORDER BY unique_key
                    ON CONFLICT (unique_key) DO UPDATE SET job_id = excluded.job_id, expires_at = excluded.expires_at
                    WHERE u.expires_at <= (SELECT now FROM clock)
                )
                SELECT holder, job_id FROM given ORDER BY n
                """,
                time,
                asking.Select(job => job.Key).ToArray(),
                asking.Select(job => job.New.UniqueFor?.ToColumn()).ToArray())

            // Whose key was taken after the statement before had begun: that one has locked it, so it is there to be read.
            .With("SELECT unique_key, job_id FROM databus.unique_jobs WHERE unique_key = ANY($1)", (object)first.Keys.ToArray()))
        {
            await using var rows = await batch.ExecuteReaderAsync();
            foreach (var job in asking)
            {
                await rows.ReadAsync();
                (job.Id, job.IsAdded) = rows.IsDBNull(0) ? (rows.GetInt64(1), true) : (rows.GetInt64(0), false);
            }

            await rows.NextResultAsync();
            while (await rows.ReadAsync())
            {
                if (first[rows.GetString(0)] is { IsAdded: true } job && job.Id != rows.GetInt64(1))
                    (job.Id, job.IsAdded) = (rows.GetInt64(1), false);
            }
        }

        foreach (var job in jobs.Where(job => job.Id == 0))
            (job.Id, job.IsAdded) = (first[job.Key!].Id, false);
    }

    /// <summary>
    /// Finds out what each job comes after. Those are locked and told that they have followers, so that whoever ends one
    /// looks for them; what has ended by then is read after the locks.
    /// </summary>
    private async Task ResolveAsync(List<Incoming> jobs)
    {
        var added = jobs.Where(job => job.IsAdded).ToDictionary(job => job.Id);
        foreach (var job in added.Values)
            job.After.AddRange(job.New.After.Select(reference => reference.Id ?? jobs[job.FirstOfCall + reference.Index].Id).Distinct());
        var others = added.Values.SelectMany(job => job.After).Where(id => !added.ContainsKey(id)).Distinct().Order().ToArray();
        await using var batch = connection.CreateBatch()
            .With(
                """
                WITH held AS MATERIALIZED (
                    SELECT j.job_id FROM unnest($1::bigint[]) AS g(job_id)
                    CROSS JOIN LATERAL (SELECT j.job_id FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE) j
                )
                UPDATE databus.jobs SET has_followers = true WHERE job_id = ANY(ARRAY(SELECT job_id FROM held)) RETURNING job_id
                """, others)
            .With("SELECT job_id FROM databus.ended_jobs WHERE job_id = ANY($1) AND state <> 10", others);
        await using var rows = await batch.ExecuteReaderAsync();
        var live = (await rows.RestAsync(row => row.GetInt64(0), CancellationToken.None)).ToHashSet();
        await rows.NextResultAsync();
        var failed = (await rows.RestAsync(row => row.GetInt64(0), CancellationToken.None)).ToHashSet();

        // In the order of their ids, so that what one of them is cancelled for reaches those after it.
        foreach (var job in added.Values.OrderBy(job => job.Id))
        {
            if (!job.New.AfterAnyEnd && job.After.Find(id => failed.Contains(id) || added.GetValueOrDefault(id) is { CancelledBecauseOf: not null }) is > 0 and var because)
            {
                job.CancelledBecauseOf = because;
                job.After.Clear();
                continue;
            }

            job.After.RemoveAll(id => added.TryGetValue(id, out var one) ? one.CancelledBecauseOf is not null : !live.Contains(id));
            foreach (var id in job.After)
            {
                if (added.TryGetValue(id, out var one))
                    one.HasFollowers = true;
            }
        }
    }

    private async Task WriteAsync(List<Incoming> jobs)
    {
        await using (var batch = connection.CreateBatch().With(
            """
            WITH clock AS MATERIALIZED (
                SELECT databus.now_in_ms($1::bigint) AS now
            ), given AS MATERIALIZED (
                SELECT g.*, greatest((SELECT now FROM clock), g.given_due_at, (SELECT now FROM clock) + g.delay) AS due_at
                FROM unnest($2::bigint[], $3::text[], $4::text[], $5::smallint[], $6::bytea[], $7::integer[], $8::bigint[], $9::bigint[], $10::bigint[],
                            $11::bigint[], $12::text[], $13::text[], $14::integer[], $15::integer[], $16::bigint[], $17::integer[], $18::boolean[], $19::boolean[],
                            $20::text[])
                    AS g(job_id, name, queue, priority, arguments, max_attempts, given_due_at, delay, expires_after,
                         keep_for, unique_key, limit_key, limit_running, limit_starts, limit_per, waits_for, after_any_end, has_followers,
                         trace_parent)
            )
            INSERT INTO databus.jobs (
                job_id, name, queue, priority, state, arguments, max_attempts, enqueued_at, due_at, expires_at, keep_for, unique_key,
                limit_key, limit_running, limit_starts, limit_per, waits_for, after_any_end, has_followers, trace_parent)
            OVERRIDING SYSTEM VALUE
            SELECT coalesce(job_id, nextval('databus.jobs_job_id_seq')), name, queue, priority,
                   CASE WHEN waits_for > 0 THEN 3 WHEN due_at > (SELECT now FROM clock) THEN 1 ELSE 0 END,
                   arguments, max_attempts, (SELECT now FROM clock), due_at, due_at + expires_after, keep_for, unique_key,
                   limit_key, limit_running, limit_starts, limit_per, waits_for, after_any_end, has_followers, trace_parent
            FROM given RETURNING job_id
            """,
            time,
            jobs.Select(job => job.Id == 0 ? null : (long?)job.Id).ToArray(),
            jobs.Select(job => job.New.Name).ToArray(),
            jobs.Select(job => job.New.Queue).ToArray(),
            jobs.Select(job => (short)job.New.Priority).ToArray(),
            jobs.Select(job => job.New.Arguments).ToArray(),
            jobs.Select(job => job.New.MaxAttempts).ToArray(),
            jobs.Select(job => job.New.DueAt?.ToColumn()).ToArray(),
            jobs.Select(job => job.New.Delay.ToColumn()).ToArray(),
            jobs.Select(job => job.New.ExpiresAfter?.ToColumn()).ToArray(),
            jobs.Select(job => job.New.KeepFor.ToColumn()).ToArray(),

            // One that stays taken for a time of its own is not freed at the job's end.
            jobs.Select(job => job.New.UniqueFor is null ? job.Key : null).ToArray(),
            jobs.Select(job => JobLimits.JobKey(job.New.Limit)).ToArray(),
            jobs.Select(job => job.New.Limit?.MaxRunning ?? 0).ToArray(),
            jobs.Select(job => job.New.Limit?.MaxStarts ?? 0).ToArray(),
            jobs.Select(job => job.New.Limit?.Per.ToColumn() ?? 0).ToArray(),
            jobs.Select(job => job.CancelledBecauseOf is null ? job.After.Count : 1).ToArray(),
            jobs.Select(job => job.New.AfterAnyEnd).ToArray(),
            jobs.Select(job => job.HasFollowers).ToArray(),
            jobs.Select(job => job.New.TraceParent.ToColumn()).ToArray()))
        {
            var followers = jobs.SelectMany(job => job.After.Select(id => (Id: id, Follower: job.Id))).ToArray();
            if (followers.Length > 0)
            {
                batch.With(
                    "INSERT INTO databus.job_followers (job_id, follower_id) SELECT * FROM unnest($1::bigint[], $2::bigint[])",
                    followers.Select(one => one.Id).ToArray(), followers.Select(one => one.Follower).ToArray());
            }

            await using var rows = await batch.ExecuteReaderAsync();
            foreach (var job in jobs)
            {
                await rows.ReadAsync();
                job.Id = rows.GetInt64(0);
            }

            await rows.CloseAsync();
        }

        var cancelled = jobs.Where(job => job.CancelledBecauseOf is not null).ToDictionary(job => job.Id);
        if (cancelled.Count == 0)
            return;
        var work = new JobWork(connection, time);
        foreach (var job in await work.LoadAsync(cancelled.Keys))
            work.Finish(job, JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(cancelled[job.Id].CancelledBecauseOf!.Value));
        await work.WriteAsync();
        Effects.Add(work.Effects);
    }

    /// <summary>A job on its way in.</summary>
    private sealed class Incoming(NewJob job, int firstOfCall)
    {
        public NewJob New => job;

        public int FirstOfCall => firstOfCall;

        public string? Key { get; } = job.UniqueKey.ToColumn();

        /// <summary>0: not known before it is written.</summary>
        public long Id { get; set; }

        public bool IsAdded { get; set; } = true;

        /// <summary>Jobs that it really waits for.</summary>
        public List<long> After { get; } = [];

        public bool HasFollowers { get; set; }

        public long? CancelledBecauseOf { get; set; }
    }
}
