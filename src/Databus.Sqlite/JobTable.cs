using Databus.Jobs;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>How jobs get into the table, and how they are looked at.</summary>
internal static class JobTable
{
    private const string StatusOfALiveOne =
        """
        job_id, name, queue, priority, state, arguments, attempt, max_attempts, enqueued_at, due_at, started_at, NULL, owner, NULL, error, progress, message,
        cancel_requested
        """;

    private const string StatusOfAnEndedOne =
        """
        job_id, name, queue, priority, state, arguments, attempt, max_attempts, enqueued_at, due_at, started_at, ended_at, owner, result, error, progress, message,
        0
        """;

    public static IReadOnlyList<EnqueueOutcome> Enqueue(WriteSession session, IReadOnlyList<NewJob> jobs)
    {
        var now = session.Now;
        var outcomes = new EnqueueOutcome[jobs.Count];
        var keys = new Dictionary<string, long>(StringComparer.Ordinal);
        for (var place = 0; place < jobs.Count; place++)
        {
            var key = jobs[place].UniqueKey;
            outcomes[place] = key is not null && keys.TryGetValue(key, out var first)
                ? new EnqueueOutcome(first, Added: false)
                : Enqueue(session, jobs[place], outcomes, now);
            if (key is not null)
                keys.TryAdd(key, outcomes[place].Id);
        }

        return outcomes;
    }

    public static JobStatus? Find(Connection connection, long id)
    {
        using var rows = connection[
            $"""
            SELECT {StatusOfALiveOne} FROM jobs WHERE job_id = $job
            UNION ALL SELECT {StatusOfAnEndedOne} FROM ended_jobs WHERE job_id = $job
            """].Rows(id);
        return rows.Read() ? ReadStatus(rows) : null;
    }

    public static long LastId(Connection connection) => connection["SELECT seq FROM sqlite_sequence WHERE name = 'jobs'"].Value() as long? ?? 0;

    public static JobPage List(Connection connection, JobFilter filter, long? before, int limit, long now)
    {
        // One view of both tables for the looking and the reading.
        connection["BEGIN"].Run();
        try
        {
            var (ids, scannedTo) = JobScan.Run(connection, filter, JobScan.AllStates, before, limit, now);
            using var rows = connection[
                $"""
                SELECT {StatusOfALiveOne} FROM json_each($ids) AS wanted CROSS JOIN jobs ON job_id = wanted.value
                UNION ALL SELECT {StatusOfAnEndedOne} FROM json_each($ids) AS wanted CROSS JOIN ended_jobs ON job_id = wanted.value
                """].Rows(IdList.Of(ids));
            var jobs = new List<JobStatus>();
            while (rows.Read())
                jobs.Add(ReadStatus(rows));
            return new JobPage([.. jobs.OrderByDescending(job => job.Id)], scannedTo);
        }
        finally
        {
            connection["COMMIT"].Run();
        }
    }

    private static EnqueueOutcome Enqueue(WriteSession session, NewJob job, EnqueueOutcome[] call, long now)
    {
        if (job.UniqueKey is not null && HolderOf(session, job.UniqueKey, now) is { } holder)
            return new EnqueueOutcome(holder, Added: false);
        var dueAt = Math.Max(now + job.Delay.ToColumn(), job.DueAt?.ToColumn() ?? now);
        var predecessors = job.After.Count == 0 ? default : FindPredecessors(session, job, call);
        var state = predecessors.Waited is { Count: > 0 } || predecessors.Failed is not null ? JobState.Blocked : dueAt > now ? JobState.Delayed : JobState.Waiting;
        var id = (long)session.Connection[
            """
            INSERT INTO jobs (
                name, queue, priority, state, max_attempts, enqueued_at, due_at, expires_at, keep_for, unique_key,
                limit_key, limit_running, limit_starts, limit_per, waits_for, after_any_end, trace_parent, arguments)
            VALUES (
                $name, $queue, $priority, $state, $maxAttempts, $now, $due, $expires, $keepFor, $uniqueKey,
                $limit, $maxRunning, $maxStarts, $per, $waitsFor, $afterAnyEnd, $trace, $arguments)
            RETURNING job_id
            """].Value(
            job.Name, job.Queue, (int)job.Priority, (int)state, job.MaxAttempts, now, dueAt, dueAt + job.ExpiresAfter?.ToColumn(), job.KeepFor.ToColumn(),
            job.UniqueFor is null ? job.UniqueKey : null,
            job.Limit?.Key, job.Limit?.MaxRunning ?? 0, job.Limit?.MaxStarts ?? 0, job.Limit?.Per.ToColumn() ?? 0,
            predecessors.Waited?.Count ?? 0, job.AfterAnyEnd, job.TraceParent, job.Arguments)!;

        if (job.UniqueKey is not null)
        {
            session.Connection[
                "INSERT OR REPLACE INTO unique_jobs (unique_key, job_id, expires_at) VALUES ($key, $job, $expires)"].Run(
                job.UniqueKey, id, now + job.UniqueFor?.ToColumn());
        }

        foreach (var predecessor in predecessors.Waited ?? [])
        {
            session.Connection["INSERT INTO job_followers (job_id, follower_id) VALUES ($job, $follower)"].Run(predecessor, id);
            session.Connection["UPDATE jobs SET has_followers = 1 WHERE job_id = $job AND NOT has_followers"].Run(predecessor);
        }

        if (predecessors.Failed is { } failed)
        {
            var ends = new JobEnds(session, new JobLimits(session, now), now);
            ends.End(LiveJob.Find(session.Connection, [id])[id], JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(failed));
            ends.Save();
        }
        else if (state != JobState.Blocked)
        {
            session.MayClaim(job.Queue);
        }

        return new EnqueueOutcome(id, Added: true);
    }

    private static long? HolderOf(WriteSession session, string key, long now) => session.Connection[
        "SELECT job_id FROM unique_jobs WHERE unique_key = $key AND (expires_at IS NULL OR expires_at > $now)"].Value(key, now) as long?;

    /// <summary>Those that are to be waited for, and one that ended already without the success that the job needs.</summary>
    private static (HashSet<long>? Waited, long? Failed) FindPredecessors(WriteSession session, NewJob job, EnqueueOutcome[] call)
    {
        var waited = new HashSet<long>();
        foreach (var reference in job.After)
        {
            var id = reference.Id ?? call[reference.Index].Id;
            var state = session.Connection[
                "SELECT state FROM jobs WHERE job_id = $job UNION ALL SELECT state FROM ended_jobs WHERE job_id = $job"].Value(id);
            if (state is not long known)
                continue;
            if (!((JobState)known).IsEnd())
                waited.Add(id);
            else if ((JobState)known != JobState.Succeeded && !job.AfterAnyEnd)
                return (null, id);
        }

        return (waited, null);
    }

    private static JobStatus ReadStatus(SqliteDataReader rows) => new(
        rows.GetInt64(0), rows.GetString(1), rows.GetString(2), (JobPriority)rows.GetInt32(3), (JobState)rows.GetInt32(4), rows.GetFieldValue<byte[]>(5),
        rows.GetInt32(6), rows.GetInt32(7),
        Times.FromColumn(rows.GetInt64(8)), Times.FromColumn(rows.GetInt64(9)), Times.FromColumn(rows[10]), Times.FromColumn(rows[11]),
        Text(rows, 12),
        rows.IsDBNull(13) ? null : rows.GetFieldValue<byte[]>(13),
        Text(rows, 14),
        rows.IsDBNull(15) ? null : rows.GetDouble(15),
        Text(rows, 16),
        rows.GetBoolean(17));

    private static string? Text(SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}
