using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

internal static class ScheduleTable
{
    /// <summary>Revisions follow the clock, so that one which is created anew is not taken for the one before.</summary>
    public static async Task<bool> PutAsync(NpgsqlConnection connection, ScheduleSettings settings, DateTimeOffset? nextAt, string? declaration, long? time) => await connection.Command(
        """
        INSERT INTO databus.schedules AS s (name, every, cron, zone, job, catch_up, catch_up_limit, overlap, jitter, paused, revision, next_at, declaration)
        VALUES ($1, $2::bigint, $3::text, $4, $5, $6, $7, $8, $9, $10, databus.now_in_ms($12::bigint), $11::bigint, $13::text)
        ON CONFLICT (name) DO UPDATE SET
            every = excluded.every, cron = excluded.cron, zone = excluded.zone, job = excluded.job, catch_up = excluded.catch_up,
            catch_up_limit = excluded.catch_up_limit, overlap = excluded.overlap, jitter = excluded.jitter, paused = excluded.paused,
            revision = greatest(s.revision + 1, excluded.revision), next_at = excluded.next_at,
            declaration = coalesce(excluded.declaration, s.declaration)
        RETURNING xmax = 0
        """,
        settings.Name,
        settings.Rule.Every?.ToColumn(),
        settings.Rule.Cron,
        settings.Rule.Zone,
        ScheduleJson.ToJson(settings.Job).ToColumn(),
        (short)settings.CatchUp,
        settings.CatchUpLimit,
        (short)settings.Overlap,
        settings.Jitter.ToColumn(),
        settings.IsPaused,
        nextAt?.ToColumn(),
        time,
        declaration).ValueAsync(CancellationToken.None) is true;

    public static async Task<bool> DeleteAsync(NpgsqlConnection connection, string name) =>
        await connection.Command("DELETE FROM databus.schedules WHERE name = $1", name).RunAsync(CancellationToken.None) == 1;

    public static Task<List<ScheduleStatus>> ListAsync(NpgsqlConnection connection, string? name, long? time, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT name, every, cron, zone, job, catch_up, catch_up_limit, overlap, jitter, paused, revision, next_at, last_tick_at, last_job_id, ticks, skipped,
                   coalesce((SELECT j.state FROM databus.jobs j WHERE j.job_id = s.last_job_id),
                            (SELECT e.state FROM databus.ended_jobs e
                             WHERE e.job_id = s.last_job_id AND e.ended_at + e.keep_for > databus.now_in_ms($2::bigint))),
                   declaration
            FROM databus.schedules s WHERE $1::text IS NULL OR name = $1 ORDER BY name
            """, name, time).RowsAsync(
            rows => new ScheduleStatus(
                new ScheduleSettings(
                    rows.GetString(0),
                    new ScheduleRule(rows.Number(1) is { } every ? TimeSpan.FromMilliseconds(every) : null, rows.Text(2), rows.GetString(3)),
                    ScheduleJson.FromJson(rows.GetString(4)))
                {
                    CatchUp = (CatchUp)rows.GetInt16(5),
                    CatchUpLimit = rows.GetInt32(6),
                    Overlap = (Overlap)rows.GetInt16(7),
                    Jitter = TimeSpan.FromMilliseconds(rows.GetInt64(8)),
                    IsPaused = rows.GetBoolean(9),
                },
                Revision: rows.GetInt64(10),
                NextAt: rows.MaybeTime(11),
                LastTickAt: rows.MaybeTime(12),
                LastJobId: rows.Number(13),
                LastJobState: rows.IsDBNull(16) ? null : (JobState)rows.GetInt16(16),
                Ticks: rows.GetInt64(14),
                Skipped: rows.GetInt64(15))
            {
                Declaration = rows.Text(17),
            },
            cancellationToken);

    /// <summary>
    /// Takes a tick and enqueues its jobs, in a transaction of the caller. The schedule is locked first, so of many nodes one
    /// still finds the tick it came for (P6).
    /// </summary>
    public static async Task<TickOutcome?> TickAsync(NpgsqlConnection connection, ScheduleTick tick, JobEffects effects, long? time)
    {
        var found = await connection.Command(
            "SELECT last_job_id FROM databus.schedules WHERE name = $1 AND revision = $2 AND next_at = $3 FOR UPDATE",
            tick.Schedule, tick.Revision, tick.At.ToColumn()).RowsAsync(rows => rows.Number(0), CancellationToken.None);
        if (found is not [var earlier])
            return null;
        var ids = new List<long>();
        var skipped = 0;
        DateTimeOffset? lastTickAt = null;
        foreach (var (at, job) in tick.Jobs)
        {
            var work = new JobWork(connection, time);
            var live = earlier is { } id && tick.Overlap != Overlap.Allow ? await work.LoadAsync([id]) : [];
            if (live.Count > 0 && tick.Overlap == Overlap.Skip)
            {
                skipped++;
                continue;
            }

            // Enqueued before the old one is cancelled: so it is after it, whatever comes of that.
            var insertion = new JobInsertion(connection, time);
            var after = live.Select(old => JobReference.ById(old.Id));
            var outcome = (await insertion.InsertAsync([[live.Count == 0 ? job : job with { After = [.. job.After, .. after], AfterAnyEnd = true }]]))[0];
            effects.Add(insertion.Effects);
            if (live.Count > 0 && tick.Overlap == Overlap.CancelOld)
            {
                var changes = new JobChanges(connection, time);
                await changes.ReplaceAsync(work, await work.LoadAsync(live.Select(old => old.Id)));
                await work.WriteAsync();
                effects.Add(changes.Effects);
                effects.Add(work.Effects);
            }

            (earlier, lastTickAt) = (outcome.Id, at);
            ids.Add(outcome.Id);
        }

        await connection.Command(
            """
            UPDATE databus.schedules SET
                next_at = $2::bigint, last_tick_at = coalesce($3::bigint, last_tick_at), last_job_id = $4::bigint, ticks = ticks + $5, skipped = skipped + $6
            WHERE name = $1
            """, tick.Schedule, tick.NextAt?.ToColumn(), lastTickAt?.ToColumn(), earlier, ids.Count, skipped).RunAsync(CancellationToken.None);
        return new TickOutcome(ids, skipped);
    }
}
