using System.Text;
using System.Text.Json;
using Databus.Jobs;

namespace Databus.Sqlite;

/// <summary>
/// The ends of jobs within one operation, with all that follows from them in the same step: they leave the busy table for the
/// other one, free their unique keys, make room under their limits, and let the jobs that come after them start, or end them too.
/// </summary>
internal sealed class JobEnds(WriteSession session, JobLimits limits, long now)
{
    private const string Kept =
        """
        name, queue, priority, attempt, max_attempts, fence, enqueued_at, due_at, started_at, keep_for, owner,
        limit_key, limit_running, limit_starts, limit_per, message, trace_parent, arguments
        """;

    private readonly HashSet<long> _ended = [];
    private readonly Dictionary<string, Tally> _tallies = new(StringComparer.Ordinal);
    private List<Ending> _endings = [];

    public void End(LiveJob job, JobState end, string? error = null, byte[]? result = null)
    {
        if (!_ended.Add(job.Id))
            return;
        _endings.Add(new Ending(job.Id, end, error, result, job.HasFollowers));
        if (job.UniqueKey is not null)
            session.Connection["DELETE FROM unique_jobs WHERE unique_key = $key AND job_id = $job"].Run(job.UniqueKey, job.Id);
        var tally = TallyOf(job.Queue);
        tally.Ended++;
        tally.Wait += Math.Max(0, (job.StartedAt ?? job.DueAt) - job.DueAt);
        if (job.State == JobState.Running)
            StopRunning(job, tally);
        else if (job is { State: JobState.Waiting, LimitKey: not null })
            limits.Left(job.LimitKey);
    }

    /// <summary>The job ends in this operation.</summary>
    public bool Includes(long job) => _ended.Contains(job);

    /// <summary>A success from which nothing follows: its job has no unique key, no limit and no followers.</summary>
    /// <param name="wait">From due to its start.</param>
    public void Succeed(long job, string queue, long wait, byte[]? result)
    {
        _ended.Add(job);
        _endings.Add(new Ending(job, JobState.Succeeded, Error: null, result, HasFollowers: false));
        var tally = TallyOf(queue);
        tally.Ended++;
        tally.Wait += wait;
        tally.StoppedRunning++;
    }

    /// <summary>The start is over, the job is not.</summary>
    public void WaitAgain(LiveJob job, long dueAt, int attempt, int losses, string error)
    {
        session.Connection[
            """
            UPDATE jobs SET state = $state, due_at = $due, attempt = $attempt, lost = $losses, error = $error, lease_until = NULL
            WHERE job_id = $job
            """].Run((int)(dueAt > now ? JobState.Delayed : JobState.Waiting), dueAt, attempt, losses, error, job.Id);
        StopRunning(job, TallyOf(job.Queue));
        session.MayClaim(job.Queue);
    }

    /// <summary>Writes what was said above. Once, in the end.</summary>
    public void Save()
    {
        // The end of one may be the end of others, and so on.
        while (_endings.Count > 0)
        {
            var endings = _endings;
            _endings = [];
            Move(endings);
            foreach (var ending in endings)
            {
                if (ending.HasFollowers)
                    LetFollow(ending.Job, ending.State == JobState.Succeeded);
            }

            session.ChangedJobs();
        }

        limits.Save();
        foreach (var (queue, tally) in _tallies)
        {
            if (tally.StoppedRunning > 0)
                QueueTable.Ended(session, queue, tally.StoppedRunning);
            if (tally.Ended > 0)
                QueueTable.Count(session, queue, tally.Ended, tally.Wait);
        }
    }

    private void Move(List<Ending> endings)
    {
        foreach (var plain in endings.Where(ending => ending.IsPlain).GroupBy(ending => ending.State))
        {
            session.Connection[
                $"""
                INSERT INTO ended_jobs (job_id, state, ended_at, progress, {Kept})
                SELECT job_id, $state, $now, CASE WHEN $state = 10 AND progress IS NOT NULL THEN 1 ELSE progress END, {Kept} FROM jobs WHERE job_id IN (SELECT value FROM json_each($ids))
                """].Run((int)plain.Key, now, IdList.Of(plain.Select(ending => ending.Job)));
        }

        var others = endings.FindAll(ending => !ending.IsPlain);
        if (others.Count > 0)
        {
            var (ends, results) = Pack(others);
            session.Connection[
                $"""
                INSERT INTO ended_jobs (job_id, state, error, result, ended_at, progress, {Kept})
                SELECT job_id, json_extract(ends.value, '$[1]'), json_extract(ends.value, '$[2]'),
                    substr($results, json_extract(ends.value, '$[3]'), json_extract(ends.value, '$[4]')), $now,
                    CASE WHEN json_extract(ends.value, '$[1]') = 10 AND progress IS NOT NULL THEN 1 ELSE progress END, {Kept}
                FROM json_each($ends) AS ends CROSS JOIN jobs ON job_id = json_extract(ends.value, '$[0]')
                """].Run(results, now, ends);
        }

        session.Connection["DELETE FROM jobs WHERE job_id IN (SELECT value FROM json_each($ids))"].Run(
            IdList.Of(endings.Select(ending => ending.Job)));
    }

    /// <summary>
    /// An array for each end, of id, state, error, and where in all results together its own begins, from 1, and how long it
    /// is; both null without one.
    /// </summary>
    private static (string Ends, byte[] Results) Pack(List<Ending> endings)
    {
        var results = new byte[endings.Sum(ending => ending.Result?.Length ?? 0)];
        var end = 0;
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartArray();
            foreach (var (job, state, error, result, _) in endings)
            {
                writer.WriteStartArray();
                writer.WriteNumberValue(job);
                writer.WriteNumberValue((int)state);
                writer.WriteStringValue(error);
                if (result is null)
                {
                    writer.WriteNullValue();
                    writer.WriteNullValue();
                }
                else
                {
                    writer.WriteNumberValue(end + 1);
                    writer.WriteNumberValue(result.Length);
                    result.CopyTo(results, end);
                    end += result.Length;
                }

                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        return (Encoding.UTF8.GetString(json.GetBuffer(), 0, (int)json.Length), results);
    }

    private void StopRunning(LiveJob job, Tally tally)
    {
        tally.StoppedRunning++;
        if (job.LimitKey is not null)
            limits.Ended(job.LimitKey);
    }

    private Tally TallyOf(string queue) => _tallies.TryGetValue(queue, out var tally) ? tally : _tallies[queue] = new Tally();

    /// <summary>The plus keeps the state's index out of it: a few followers are looked for, not all jobs that are blocked.</summary>
    private void LetFollow(long job, bool succeeded)
    {
        var toStop = new List<long>();
        using (var rows = session.Connection[
            """
            UPDATE jobs SET
                waits_for = waits_for - 1,
                state = CASE WHEN waits_for > 1 THEN 3 WHEN due_at > $now THEN 1 ELSE 0 END,
                expires_at = CASE WHEN waits_for > 1 THEN expires_at ELSE expires_at + max(0, $now - due_at) END,
                due_at = CASE WHEN waits_for > 1 THEN due_at ELSE max(due_at, $now) END
            WHERE job_id IN (SELECT follower_id FROM job_followers WHERE job_id = $job) AND +state = 3 AND ($succeeded OR after_any_end)
            RETURNING job_id, queue, state, cancel_requested
            """].Rows(now, job, succeeded))
        {
            while (rows.Read())
            {
                if (rows.GetInt32(2) == (int)JobState.Blocked)
                    continue;
                session.MayClaim(rows.GetString(1));
                if (rows.GetBoolean(3))
                    toStop.Add(rows.GetInt64(0));
            }
        }

        foreach (var stopped in LiveJob.Find(session.Connection, toStop).Values)
            End(stopped, JobState.Cancelled, JobErrors.CancelledBeforeItStarted);
        if (!succeeded)
        {
            using var rows = session.Connection[
                $"""
                SELECT {LiveJob.Columns} FROM jobs
                WHERE job_id IN (SELECT follower_id FROM job_followers WHERE job_id = $job) AND +state = 3 AND NOT after_any_end
                """].Rows(job);
            foreach (var follower in LiveJob.ReadAll(rows))
                End(follower, JobState.Cancelled, JobErrors.PredecessorDidNotSucceed(job));
        }

        session.Connection["DELETE FROM job_followers WHERE job_id = $job"].Run(job);
    }

    private readonly record struct Ending(long Job, JobState State, string? Error, byte[]? Result, bool HasFollowers)
    {
        public bool IsPlain => Error is null && Result is null;
    }

    /// <summary>What the operation means for a queue.</summary>
    private sealed class Tally
    {
        public int Ended { get; set; }

        /// <summary>Of those that ended, from due to the last start, all together.</summary>
        public long Wait { get; set; }

        public int StoppedRunning { get; set; }
    }
}
