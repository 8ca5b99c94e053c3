using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;

namespace Databus.Sqlite;

internal static class ScheduleTable
{
    public static bool Put(WriteSession session, ScheduleSettings settings, DateTimeOffset? nextAt, string? declaration)
    {
        var isNew = session.Connection["SELECT 1 FROM schedules WHERE name = $name"].Value(settings.Name) is null;

        // The revision follows the clock, so that one that was deleted and put again has no earlier one's.
        session.Connection[
            """
            INSERT INTO schedules (name, every, cron, zone, job, catch_up, catch_up_limit, overlap, jitter, paused, revision, next_at, declaration)
            VALUES ($name, $every, $cron, $zone, $job, $catchUp, $catchUpLimit, $overlap, $jitter, $paused, $revision, $nextAt, $declaration)
            ON CONFLICT (name) DO UPDATE SET
                every = excluded.every, cron = excluded.cron, zone = excluded.zone, job = excluded.job, catch_up = excluded.catch_up,
                catch_up_limit = excluded.catch_up_limit, overlap = excluded.overlap, jitter = excluded.jitter, paused = excluded.paused,
                revision = max(revision + 1, excluded.revision), next_at = excluded.next_at,
                declaration = coalesce(excluded.declaration, declaration)
            """].Run(
            settings.Name, settings.Rule.Every?.ToColumn(), settings.Rule.Cron, settings.Rule.Zone, ScheduleJson.ToJson(settings.Job),
            (int)settings.CatchUp, settings.CatchUpLimit, (int)settings.Overlap, settings.Jitter.ToColumn(), settings.IsPaused,
            session.NowInMicroseconds, nextAt?.ToColumn(), declaration);
        return isNew;
    }

    public static bool Delete(WriteSession session, string name) =>
        session.Connection["DELETE FROM schedules WHERE name = $name"].Run(name) == 1;

    public static IReadOnlyList<ScheduleStatus> List(Connection connection, string? name)
    {
        using var rows = connection[
            """
            SELECT name, every, cron, zone, job, catch_up, catch_up_limit, overlap, jitter, paused, revision, next_at, last_tick_at, last_job_id,
                (SELECT state FROM jobs WHERE job_id = last_job_id UNION ALL SELECT state FROM ended_jobs WHERE job_id = last_job_id), ticks, skipped,
                declaration
            FROM schedules WHERE $name IS NULL OR name = $name ORDER BY name
            """].Rows(name);
        var schedules = new List<ScheduleStatus>();
        while (rows.Read())
        {
            var rule = new ScheduleRule(
                rows.IsDBNull(1) ? null : TimeSpan.FromMilliseconds(rows.GetInt64(1)), rows.IsDBNull(2) ? null : rows.GetString(2), rows.GetString(3));
            schedules.Add(new ScheduleStatus(
                new ScheduleSettings(rows.GetString(0), rule, ScheduleJson.FromJson(rows.GetString(4)))
                {
                    CatchUp = (CatchUp)rows.GetInt32(5),
                    CatchUpLimit = rows.GetInt32(6),
                    Overlap = (Overlap)rows.GetInt32(7),
                    Jitter = TimeSpan.FromMilliseconds(rows.GetInt64(8)),
                    IsPaused = rows.GetBoolean(9),
                },
                Revision: rows.GetInt64(10),
                NextAt: Times.FromColumn(rows[11]),
                LastTickAt: Times.FromColumn(rows[12]),
                LastJobId: rows.IsDBNull(13) ? null : rows.GetInt64(13),
                LastJobState: rows.IsDBNull(14) ? null : (JobState)rows.GetInt32(14),
                Ticks: rows.GetInt64(15),
                Skipped: rows.GetInt64(16))
            {
                Declaration = rows.IsDBNull(17) ? null : rows.GetString(17),
            });
        }

        return schedules;
    }

    public static TickOutcome? Tick(WriteSession session, ScheduleTick tick)
    {
        if (session.Connection["UPDATE schedules SET next_at = $next WHERE name = $name AND next_at = $at AND revision = $revision"].Run(
                tick.NextAt?.ToColumn(), tick.Schedule, tick.At.ToColumn(), tick.Revision) == 0)
        {
            return null;
        }

        var last = session.Connection["SELECT last_job_id FROM schedules WHERE name = $name"].Value(tick.Schedule) as long?;
        var enqueued = new List<long>();
        DateTimeOffset? lastTickAt = null;
        foreach (var (at, job) in tick.Jobs)
        {
            if (Enqueue(session, job, tick.Overlap, last) is not { } id)
                continue;
            enqueued.Add(id);
            (last, lastTickAt) = (id, at);
        }

        var skipped = tick.Jobs.Count - enqueued.Count;
        session.Connection[
            """
            UPDATE schedules SET
                last_job_id = $last, last_tick_at = coalesce($lastTickAt, last_tick_at), ticks = ticks + $ticks, skipped = skipped + $skipped
            WHERE name = $name
            """].Run(last, lastTickAt?.ToColumn(), enqueued.Count, skipped, tick.Schedule);
        return new TickOutcome(enqueued, skipped);
    }

    /// <summary>The job's id; null: the tick is let go.</summary>
    private static long? Enqueue(WriteSession session, NewJob job, Overlap overlap, long? last)
    {
        if (overlap != Overlap.Allow && last is { } id && LiveJob.Find(session.Connection, [id]).GetValueOrDefault(id) is { } old)
        {
            if (overlap == Overlap.Skip)
                return null;
            if (overlap == Overlap.CancelOld)
                Cancel(session, old);
            job = job with { After = [.. job.After, JobReference.ById(id)], AfterAnyEnd = true };
        }

        var outcome = JobTable.Enqueue(session, [job])[0];
        return outcome.Added ? outcome.Id : null;
    }

    private static void Cancel(WriteSession session, LiveJob old)
    {
        // One that is blocked ends when what it waits for has: else the new job would start beside that.
        if (old.State is JobState.Running or JobState.Blocked)
        {
            RunningJobs.AskToStop(session, old.Id);
            return;
        }

        var ends = new JobEnds(session, new JobLimits(session, session.Now), session.Now);
        ends.End(old, JobState.Cancelled, JobErrors.CancelledBeforeItStarted);
        ends.Save();
    }
}
