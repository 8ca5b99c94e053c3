using Databus.Jobs;

namespace Databus.Sqlite;

/// <summary>What people do with jobs that a filter matches, a bounded number in a step.</summary>
/// <param name="States">It touches only jobs in these.</param>
/// <param name="Run">Changes the jobs, which are in these states, and says how many it changed.</param>
internal sealed record JobChange(JobState[] States, Func<WriteSession, IReadOnlyList<long>, int> Run)
{
    public const int MostInAStep = 500;

    public static readonly JobChange Cancel = new(JobScan.LiveStates, CancelAll);
    public static readonly JobChange Retry = new([JobState.Failed, JobState.Cancelled, JobState.Expired], RetryAll);
    public static readonly JobChange Delete = new([.. JobScan.AllStates.Where(state => state != JobState.Running)], DeleteAll);

    public int Apply(WriteSession session, JobFilter filter) =>
        Run(session, JobScan.Run(session.Connection, filter, States, before: null, MostInAStep, session.Now).Ids);

    private static int CancelAll(WriteSession session, IReadOnlyList<long> ids)
    {
        var ends = new JobEnds(session, new JobLimits(session, session.Now), session.Now);
        var changed = 0;
        foreach (var job in LiveJob.Find(session.Connection, ids).Values)
        {
            if (job.State != JobState.Running)
            {
                ends.End(job, JobState.Cancelled, JobErrors.CancelledBeforeItStarted);
                changed++;
            }
            else if (!job.IsCancelRequested)
            {
                RunningJobs.AskToStop(session, job.Id);
                changed++;
            }
        }

        ends.Save();
        return changed;
    }

    private static int RetryAll(WriteSession session, IReadOnlyList<long> ids)
    {
        var list = IdList.Of(ids);
        using (var rows = session.Connection[
            """
            INSERT INTO jobs (
                job_id, name, queue, priority, state, max_attempts, fence, enqueued_at, due_at, owner, keep_for,
                limit_key, limit_running, limit_starts, limit_per, error, trace_parent, arguments)
            SELECT job_id, name, queue, priority, 0, max_attempts, fence, enqueued_at, $now, owner, keep_for,
                limit_key, limit_running, limit_starts, limit_per, error, trace_parent, arguments
            FROM ended_jobs WHERE job_id IN (SELECT value FROM json_each($ids))
            RETURNING queue
            """].Rows(session.Now, list))
        {
            while (rows.Read())
                session.MayClaim(rows.GetString(0));
        }

        return session.Connection["DELETE FROM ended_jobs WHERE job_id IN (SELECT value FROM json_each($ids))"].Run(list);
    }

    private static int DeleteAll(WriteSession session, IReadOnlyList<long> ids)
    {
        var ends = new JobEnds(session, new JobLimits(session, session.Now), session.Now);
        foreach (var job in LiveJob.Find(session.Connection, ids).Values)
            ends.End(job, JobState.Cancelled);
        ends.Save();

        // One whose end was the end of another may be among them.
        return session.Connection["DELETE FROM ended_jobs WHERE job_id IN (SELECT value FROM json_each($ids))"].Run(IdList.Of(ids));
    }
}
