using Databus.Jobs;
using Databus.Nodes;
using Databus.Storage;
using Databus.Subscriptions;
using Npgsql;

namespace Databus.Postgres;

/// <summary>What people do to many jobs, and what is done to those whose worker is gone: one step, in a transaction of the caller.</summary>
internal sealed class JobChanges(NpgsqlConnection connection, long? time)
{
    private const int JobsPerStep = 500;

    public JobEffects Effects { get; } = new();

    /// <summary>Ends starts from which something follows for other jobs. Returns the tokens that are current.</summary>
    public async Task<List<LeaseToken>> CompleteAsync(IReadOnlyList<JobCompletion> completions)
    {
        var given = completions.ToDictionary(one => one.Token);
        var work = new JobWork(connection, time);
        var current = new List<LeaseToken>();
        foreach (var job in await work.LoadRunningAsync(given.Keys))
        {
            var token = new LeaseToken(job.Id, job.Fence);
            var (_, outcome, result, error, delay) = given[token];
            current.Add(token);
            if (outcome == JobOutcome.Succeeded)
                work.Finish(job, JobState.Succeeded, error: null, result);
            else if (outcome == JobOutcome.Hopeless)
                work.Finish(job, JobState.Failed, error ?? JobErrors.NoReason);
            else if (job.IsCancelRequested)
                work.Finish(job, JobState.Cancelled, error ?? job.Error);
            else if (outcome == JobOutcome.Failed && job.Attempt >= job.MaxAttempts)
                work.Finish(job, JobState.Failed, error ?? JobErrors.NoReason);
            else if (outcome == JobOutcome.Failed)
                work.StartAgain(job, delay.ToColumn(), usesAttempt: true, lost: 0, error ?? JobErrors.NoReason);
            else
                work.StartAgain(job, delay.ToColumn(), usesAttempt: false, job.Lost, error ?? job.Error);
        }

        await WriteAsync(work);
        return current;
    }

    public async Task<JobStep> CancelAsync(JobFilter filter, long? before)
    {
        var (ids, scannedTo) = await JobListing.StepAsync(connection, filter, before, JobsPerStep, ended: false, time);
        var work = new JobWork(connection, time);
        var changed = await CancelAsync(work, (await work.LoadAsync(ids)).FindAll(job => IsMeant(filter, job)), JobState.Running);
        await WriteAsync(work);
        return new JobStep(changed, scannedTo);
    }

    /// <summary>
    /// Jobs that others come after in their place: one that waits for an older one itself is only asked to stop, because who comes
    /// after it would else start beside that one.
    /// </summary>
    public Task ReplaceAsync(JobWork work, IReadOnlyCollection<LiveJob> jobs) => CancelAsync(work, jobs, JobState.Running, JobState.Blocked);

    /// <summary>Cancels these, or asks those in certain states to stop. Returns how many.</summary>
    private async Task<int> CancelAsync(JobWork work, IReadOnlyCollection<LiveJob> jobs, params JobState[] asked)
    {
        var toAsk = jobs.Where(job => asked.Contains(job.State) && !job.IsCancelRequested).Select(job => job.Id).ToArray();
        var others = jobs.Where(job => !asked.Contains(job.State)).ToList();
        foreach (var job in others)
            work.Finish(job, JobState.Cancelled, job.Error ?? JobErrors.CancelledBeforeItStarted);
        if (toAsk.Length > 0)
        {
            await connection.Command("UPDATE databus.jobs SET cancel_requested = true WHERE job_id = ANY($1)", toAsk).RunAsync(CancellationToken.None);
            Effects.HasEnds = true;
        }

        return toAsk.Length + others.Count;
    }

    public async Task<JobStep> RetryAsync(JobFilter filter, long? before)
    {
        var states = filter.States ?? [JobState.Failed, JobState.Cancelled, JobState.Expired];
        var (ids, scannedTo) = await JobListing.StepAsync(
            connection, filter with { States = [.. states.Where(state => state != JobState.Succeeded)] }, before, JobsPerStep, ended: true, time);
        var again = await connection.Command(
            """
            WITH again AS (
                DELETE FROM databus.ended_jobs WHERE job_id = ANY($2) AND state <> 10 RETURNING *
            )
            INSERT INTO databus.jobs (
                job_id, name, queue, priority, state, arguments, max_attempts, fence, enqueued_at, due_at, owner, keep_for,
                limit_key, limit_running, limit_starts, limit_per, error, trace_parent)
            OVERRIDING SYSTEM VALUE
            SELECT job_id, name, queue, priority, 0, arguments, max_attempts, fence, enqueued_at, databus.now_in_ms($1::bigint), owner, keep_for,
                   limit_key, limit_running, limit_starts, limit_per, error, trace_parent
            FROM again
            RETURNING job_id, queue
            """, time, ids.ToArray()).RowsAsync(rows => (Id: rows.GetInt64(0), Queue: rows.GetString(1)), CancellationToken.None);
        foreach (var (id, queue) in again)
            Effects.Wake(queue, id);
        return new JobStep(again.Count, scannedTo);
    }

    public async Task<JobStep> DeleteAsync(JobFilter filter, long? before)
    {
        var states = filter.States ?? Enum.GetValues<JobState>();
        var (ids, scannedTo) = await JobListing.StepAsync(
            connection, filter with { States = [.. states.Where(state => state != JobState.Running)] }, before, JobsPerStep, ended: null, time);

        // For those that come after, it ends without success; then nothing of it is left.
        var work = new JobWork(connection, time);
        var live = (await work.LoadAsync(ids)).FindAll(job => job.State != JobState.Running && IsMeant(filter, job));
        foreach (var job in live)
            work.Finish(job, JobState.Cancelled, JobErrors.CancelledBeforeItStarted);
        await WriteAsync(work);
        var deleted = await connection.Command(
            "DELETE FROM databus.ended_jobs WHERE job_id = ANY($1) AND ($2::smallint[] IS NULL OR state = ANY($2) OR job_id = ANY($3)) RETURNING job_id",
            ids.ToArray(), filter.States?.Select(state => (short)state).ToArray(), live.ConvertAll(job => job.Id)).RowsAsync(rows => rows.GetInt64(0), CancellationToken.None);
        await connection.Command("DELETE FROM databus.job_log WHERE job_id = ANY($1)", deleted.ToArray()).RunAsync(CancellationToken.None);
        Effects.HasEnds |= deleted.Count > 0;
        return new JobStep(deleted.Count, scannedTo);
    }

    /// <summary>Takes a bounded number of jobs away from those who are not heard of any more. Returns how many.</summary>
    public async Task<int> RescueAsync()
    {
        // Looked for between the living: what they have started since a transaction was opened somewhere is not passed.
        var lost = await connection.Command(
            $"""
            WITH clock AS MATERIALIZED (
                SELECT databus.now_in_ms($1::bigint) AS now
            ), gaps AS MATERIALIZED (
                SELECT node_id AS above, coalesce(lead(node_id) OVER (ORDER BY node_id), chr(1114111)) AS below
                FROM (SELECT node_id FROM databus.nodes WHERE seen_at > (SELECT now FROM clock) - $2 UNION ALL SELECT '') alive
            ), lost AS MATERIALIZED (
                SELECT j.job_id
                FROM gaps g CROSS JOIN LATERAL (
                    SELECT j.job_id FROM databus.jobs j
                    WHERE j.state = 4 AND j.lease_until IS NULL AND j.owner > g.above AND j.owner < g.below
                    ORDER BY j.owner, j.job_id LIMIT $3) j
                UNION ALL
                (SELECT j.job_id FROM databus.jobs j
                 WHERE j.state = 4 AND j.lease_until IS NOT NULL AND j.lease_until <= (SELECT now FROM clock)
                 ORDER BY j.lease_until, j.job_id LIMIT $3)
                LIMIT $3
            )
            SELECT {LiveJob.Columns}
            FROM (SELECT job_id FROM lost ORDER BY job_id) g
            CROSS JOIN LATERAL (SELECT j.* FROM databus.jobs j WHERE j.job_id = g.job_id OFFSET 0 FOR UPDATE SKIP LOCKED) j
            WHERE j.state = 4 AND coalesce(
                j.lease_until <= (SELECT now FROM clock),
                NOT EXISTS (SELECT FROM databus.nodes n WHERE n.node_id = j.owner AND n.seen_at > (SELECT now FROM clock) - $2))
            """, time, NodeStatus.SilenceOfTheDead.ToColumn(), JobsPerStep).RowsAsync(LiveJob.Read, CancellationToken.None);
        if (lost.Count == 0)
            return 0;
        var work = new JobWork(connection, time);
        foreach (var job in lost)
        {
            var loss = job.LeaseUntil is null ? JobErrors.Silent(job.Owner!) : JobErrors.LeaseEnded(job.Owner!);
            if (job.IsCancelRequested)
                work.Finish(job, JobState.Cancelled, loss);
            else if (job.Attempt >= job.MaxAttempts)
                work.Finish(job, JobState.Failed, loss);
            else if (job.Lost + (job.LeaseUntil is null ? 0 : 1) >= JobErrors.MostLossesInARow)
                work.Finish(job, JobState.Failed, JobErrors.LostTooOften(loss));
            else
                work.StartAgain(job, delay: 0, usesAttempt: true, Math.Min(job.Lost + 1, JobErrors.LossesOfASuspect), loss);
        }

        await WriteAsync(work);
        return lost.Count;
    }

    private async Task WriteAsync(JobWork work)
    {
        await work.WriteAsync();
        Effects.Add(work.Effects);
    }

    /// <summary>It may have changed since it was found, before it was locked.</summary>
    private static bool IsMeant(JobFilter filter, LiveJob job) => filter.States is null || filter.States.Contains(job.State);
}
