using Databus.Jobs;
using Databus.Nodes;
using Databus.Storage;
using Databus.Subscriptions;

namespace Databus.Sqlite;

/// <summary>What is said about jobs that run, and what becomes of those about which nothing is said any more.</summary>
internal static class RunningJobs
{
    private const int MostInAStep = 500;

    public static IReadOnlyList<LeaseToken> Complete(WriteSession session, IReadOnlyList<JobCompletion> completions)
    {
        var now = session.Now;
        var ends = new JobEnds(session, new JobLimits(session, now), now);
        var others = Succeed(session.Connection, ends, completions, now);
        var running = others.Count == 0 ? [] : LiveJob.Find(session.Connection, others.Select(completion => completion.Token.Id));
        var lost = new List<LeaseToken>();
        foreach (var completion in others)
        {
            // A token ends its start once, also where it stands twice in a call.
            if (running.TryGetValue(completion.Token.Id, out var job) && job.IsHeldBy(completion.Token.Fence, now) && !ends.Includes(job.Id)
                && running.Remove(job.Id))
            {
                Complete(ends, job, completion, now);
            }
            else
            {
                lost.Add(completion.Token);
            }
        }

        ends.Save();
        return lost;
    }

    public static JobRenewal Renew(WriteSession session, IReadOnlyList<LeaseToken> tokens, TimeSpan lease)
    {
        var now = session.Now;
        var running = LiveJob.Find(session.Connection, tokens.Select(token => token.Id));
        var lost = new List<LeaseToken>();
        var toStop = new List<LeaseToken>();
        foreach (var token in tokens)
        {
            if (!running.TryGetValue(token.Id, out var job) || !job.IsHeldBy(token.Fence, now))
            {
                lost.Add(token);
                continue;
            }

            if (job.LeaseUntil is not null)
                session.Connection["UPDATE jobs SET lease_until = $until WHERE job_id = $job"].Run(now + lease.ToColumn(), job.Id);
            if (job.IsCancelRequested)
                toStop.Add(token);
        }

        return new JobRenewal(lost, toStop);
    }

    public static JobRenewal Report(WriteSession session, IReadOnlyList<JobReport> reports)
    {
        var now = session.Now;
        var running = LiveJob.Find(session.Connection, reports.Select(report => report.Token.Id));
        var lost = new List<LeaseToken>();
        var toStop = new List<LeaseToken>();
        foreach (var report in reports)
        {
            if (!running.TryGetValue(report.Token.Id, out var job) || !job.IsHeldBy(report.Token.Fence, now))
            {
                lost.Add(report.Token);
                continue;
            }

            if (report.Progress is not null || report.Message is not null)
            {
                session.Connection[
                    "UPDATE jobs SET progress = coalesce($progress, progress), message = coalesce($message, message) WHERE job_id = $job"].Run(
                    report.Progress, report.Message, job.Id);
            }

            if (report.IsAlone)
                session.Connection["UPDATE jobs SET lost = $losses WHERE job_id = $job"].Run(JobErrors.MostLossesInARow, job.Id);
            JobLog.Append(session, job.Id, report.Lines);
            if (job.IsCancelRequested)
                toStop.Add(report.Token);
        }

        return new JobRenewal(lost, toStop);
    }

    public static void AskToStop(WriteSession session, long job)
    {
        session.Connection["UPDATE jobs SET cancel_requested = 1 WHERE job_id = $job"].Run(job);
        session.ChangedJobs();
    }

    public static IReadOnlyList<LeaseToken> ListToStop(Connection connection, string owner) => Tokens(
        connection["SELECT job_id, fence FROM jobs WHERE cancel_requested = 1 AND owner = $owner AND state = 4 ORDER BY job_id"], owner);

    public static IReadOnlyList<LeaseToken> ListRunning(Connection connection, string owner) => Tokens(
        connection["SELECT job_id, fence FROM jobs WHERE owner = $owner AND state = 4 ORDER BY job_id"], owner);

    public static int Rescue(WriteSession session)
    {
        var now = session.Now;
        var lost = LeaseEnded(session.Connection, now);
        foreach (var owner in Owners(session.Connection))
        {
            if (lost.Count < MostInAStep && !session.HasHeard(owner) && IsSilent(session.Connection, owner, now))
                lost.AddRange(Of(session.Connection, owner, MostInAStep - lost.Count));
        }

        if (lost.Count == 0)
            return 0;
        var ends = new JobEnds(session, new JobLimits(session, now), now);
        foreach (var job in lost)
            Lose(ends, job, now);
        ends.Save();
        return lost.Count;
    }

    private static List<LeaseToken> Tokens(Statement statement, string owner)
    {
        using var rows = statement.Rows(owner);
        var tokens = new List<LeaseToken>();
        while (rows.Read())
            tokens.Add(new LeaseToken(rows.GetInt64(0), rows.GetInt64(1)));
        return tokens;
    }

    /// <summary>Most ends are successes from which nothing follows: of those hardly anything is read. Returns the other completions.</summary>
    private static List<JobCompletion> Succeed(Connection connection, JobEnds ends, IReadOnlyList<JobCompletion> completions, long now)
    {
        var simple = new Dictionary<long, (long Fence, string Queue, long Wait)>(completions.Count);
        using (var rows = connection[
            """
            SELECT job_id, fence, queue, max(0, started_at - due_at) FROM json_each($ids) AS wanted CROSS JOIN jobs ON job_id = wanted.value
            WHERE state = 4 AND (lease_until IS NULL OR lease_until > $now) AND unique_key IS NULL AND limit_key IS NULL AND NOT has_followers
            """].Rows(IdList.Of(completions.Select(completion => completion.Token.Id)), now))
        {
            while (rows.Read())
                simple[rows.GetInt64(0)] = (rows.GetInt64(1), rows.GetString(2), rows.GetInt64(3));
        }

        var others = new List<JobCompletion>();
        foreach (var completion in completions)
        {
            var id = completion.Token.Id;
            if (completion.Outcome == JobOutcome.Succeeded && simple.TryGetValue(id, out var job) && job.Fence == completion.Token.Fence && !ends.Includes(id))
                ends.Succeed(id, job.Queue, job.Wait, completion.Result);
            else
                others.Add(completion);
        }

        return others;
    }

    private static void Complete(JobEnds ends, LiveJob job, JobCompletion completion, long now)
    {
        var (_, outcome, result, error, delay) = completion;
        if (outcome == JobOutcome.Succeeded)
            ends.End(job, JobState.Succeeded, error: null, result);
        else if (outcome == JobOutcome.Hopeless || (outcome == JobOutcome.Failed && job.Attempt >= job.MaxAttempts && !job.IsCancelRequested))
            ends.End(job, JobState.Failed, error ?? JobErrors.NoReason);
        else if (job.IsCancelRequested)
            ends.End(job, JobState.Cancelled, error);
        else
            ends.WaitAgain(
                job, now + delay.ToColumn(), job.Attempt - (outcome == JobOutcome.Failed ? 0 : 1), losses: outcome == JobOutcome.Failed ? 0 : job.Losses,
                error ?? JobErrors.NoReason);
    }

    private static void Lose(JobEnds ends, LiveJob job, long now)
    {
        var loss = job.LeaseUntil is null ? JobErrors.Silent(job.Owner!) : JobErrors.LeaseEnded(job.Owner!);
        if (job.IsCancelRequested)
            ends.End(job, JobState.Cancelled, loss);
        else if (job.Losses + (job.LeaseUntil is null ? 0 : 1) >= JobErrors.MostLossesInARow)
            ends.End(job, JobState.Failed, JobErrors.LostTooOften(loss));
        else if (job.Attempt >= job.MaxAttempts)
            ends.End(job, JobState.Failed, loss);
        else
            ends.WaitAgain(job, now, job.Attempt, Math.Min(job.Losses + 1, JobErrors.LossesOfASuspect), loss);
    }

    private static List<LiveJob> LeaseEnded(Connection connection, long now)
    {
        using var rows = connection[
            $"SELECT {LiveJob.Columns} FROM jobs WHERE lease_until <= $now ORDER BY lease_until LIMIT $most"].Rows(now, MostInAStep);
        return LiveJob.ReadAll(rows);
    }

    /// <summary>Who runs jobs: a step of the index for each, however many they run.</summary>
    private static List<string> Owners(Connection connection)
    {
        var owners = new List<string>();
        for (var owner = ""; connection["SELECT owner FROM jobs WHERE state = 4 AND owner > $owner ORDER BY owner LIMIT 1"].Value(owner) is string next; owner = next)
            owners.Add(next);
        return owners;
    }

    private static bool IsSilent(Connection connection, string owner, long now) =>
        connection["SELECT seen_at FROM nodes WHERE node_id = $owner"].Value(owner) is not long seenAt
        || now - seenAt >= NodeStatus.SilenceOfTheDead.ToColumn();

    private static List<LiveJob> Of(Connection connection, string owner, int most)
    {
        using var rows = connection[
            $"SELECT {LiveJob.Columns} FROM jobs WHERE state = 4 AND owner = $owner AND lease_until IS NULL LIMIT $most"].Rows(owner, most);
        return LiveJob.ReadAll(rows);
    }
}
