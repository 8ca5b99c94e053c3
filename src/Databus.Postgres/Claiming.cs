using Databus.Jobs;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// A claim, step by step: each is one statement and, where more than their turn decides about jobs, another round trip for those.
/// Goes on as long as it meets jobs that cannot start and there is room, for a bounded number of steps.
/// </summary>
internal sealed class Claiming(ClaimFloors floors)
{
    private const int MostSteps = 10;
    private const int MostCandidates = 500;
    private const long MaxBytes = 8 << 20;

    /// <summary>In ms: a delayed job is committed at most this much later than its time is read.</summary>
    private const long LatestCommit = 5000;

    /// <summary>The last claim met limits, so the next one takes them into its transaction at once.</summary>
    private volatile bool _metLimits;

    public async Task<(JobClaims Claims, JobEffects Effects)> ClaimAsync(Database database, JobClaim claim, CancellationToken cancellationToken)
    {
        var started = new List<(short Priority, ClaimedJob Job)>();
        var effects = new JobEffects();
        var without = new HashSet<string>(claim.Without, StringComparer.Ordinal);
        var bytes = 0L;
        var heedsRates = true;
        Step? last = null;
        for (var number = 0; number < MostSteps; number++)
        {
            var room = claim.Max - started.Count;
            var step = last = await database.WriteAsync(
                connection => StepAsync(connection, claim, room, number, heedsRates, without, database.GivenTime), number == 0 ? cancellationToken : CancellationToken.None);
            started.AddRange(step.Started);
            floors.Learn(step.Effects);
            effects.Add(step.Effects);
            without.UnionWith(step.Refused);
            heedsRates &= !step.IsReleasedByOthers;
            bytes += step.Started.Sum(one => (long)one.Job.Arguments.Length);
            if (started.Count >= claim.Max || bytes >= MaxBytes || !step.GoesOn)
                break;
        }

        started.Sort(static (a, b) => a.Priority != b.Priority ? b.Priority.CompareTo(a.Priority) : a.Job.Token.Id.CompareTo(b.Job.Token.Id));
        var isCut = last!.GoesOn && (started.Count < claim.Max || last.HasRemaining);
        var next = last.NextDueAt is { } time ? Times.FromColumn(time) : (DateTimeOffset?)null;
        return (new JobClaims(started.ConvertAll(one => one.Job), last.More || isCut, next), effects);
    }

    private async Task<Step> StepAsync(NpgsqlConnection connection, JobClaim claim, int room, int number, bool heedsRates, HashSet<string> without, long? time)
    {
        var judgesAll = number > 0 || _metLimits;
        await using var transaction = judgesAll ? await connection.BeginTransactionAsync(CancellationToken.None) : null;
        var rows = await LookAsync(connection, claim, judgesAll ? Math.Min(Math.Max(room, MostCandidates), Math.Max(room, 16) << (2 * Math.Min(number, 8))) : room, !judgesAll, heedsRates, without, time);
        var step = new Step(rows);
        if (rows.LimitsOpen)
        {
            var released = await InTransactionAsync(transaction, connection, () => new JobLimits(connection, time).ReleaseAsync(keys: null));
            step.IsReleasedByOthers = released is null;
            step.Effects.Add(released ?? new JobEffects());
        }
        else if (rows.Candidates.Count > 0)
        {
            var judged = await InTransactionAsync(transaction, connection, () => JudgeAsync(connection, rows.Candidates, claim, room - rows.Started.Count, step.Effects, time));
            _metLimits = judged.HasLimits;
            step.Add(judged);
        }
        else if (judgesAll)
        {
            _metLimits = false;
        }

        if (transaction is not null)
            await transaction.CommitAsync(CancellationToken.None);
        return step;
    }

    private async Task<ClaimedRows> LookAsync(NpgsqlConnection connection, JobClaim claim, int max, bool starts, bool heedsRates, HashSet<string> without, long? time)
    {
        var isFull = floors.TakeFullLook();
        var began = Database.Uptime();
        try
        {
            if (isFull && claim.Queues is null)
                floors.LearnQueues(await JobTable.WaitingQueuesAsync(connection));
            var look = floors.From(claim.Queues, without, isFull);
            var rows = await JobTable.ClaimAsync(connection, claim, look, max, starts, heedsRates, without, isFull ? 0 : floors.DueFrom, time);

            // Who asks for certain names does not see what the others left.
            if (claim.Names is null)
            {
                foreach (var (place, id) in rows.Seen)
                    floors.Raise(look, place, id);
            }

            if (!rows.MoreIsDue)
                floors.DueFrom = rows.Now - LatestCommit;
            if (isFull)
                floors.FullLookTook(Database.Uptime() - began);
            return rows;
        }
        catch when (isFull)
        {
            floors.FullLookTook(null);
            throw;
        }
    }

    private static async Task<JudgedCandidates> JudgeAsync(
        NpgsqlConnection connection, IReadOnlyList<long> candidates, JobClaim claim, int room, JobEffects effects, long? time)
    {
        var judged = await new JobLimits(connection, time).StartAsync(candidates, claim, room);
        if (judged.Expired.Count == 0)
            return judged;
        var work = new JobWork(connection, time);
        foreach (var job in judged.Expired)
            work.Finish(job, JobState.Expired, JobErrors.NotStartedInTime);
        await work.WriteAsync();
        effects.Add(work.Effects);
        return judged;
    }

    private static async Task<T> InTransactionAsync<T>(NpgsqlTransaction? outer, NpgsqlConnection connection, Func<Task<T>> work)
    {
        if (outer is not null)
            return await work();
        await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
        var result = await work();
        await transaction.CommitAsync(CancellationToken.None);
        return result;
    }

    /// <summary>What one look came to.</summary>
    private sealed class Step(ClaimedRows rows)
    {
        public List<(short Priority, ClaimedJob Job)> Started { get; } = [.. rows.Started];

        public JobEffects Effects { get; } = rows.Promoted;

        public IReadOnlySet<string> Refused { get; private set; } = new HashSet<string>(StringComparer.Ordinal);

        public bool More { get; } = rows.More;

        /// <summary>What rates hold no more is in the hands of others: whatever keeps them, nobody waits for it.</summary>
        public bool IsReleasedByOthers { get; set; }

        /// <summary>It met what could not start, or what it had to release first: another look may find more.</summary>
        public bool GoesOn { get; } = rows.Candidates.Count > 0 || rows.LimitsOpen;

        /// <summary>Candidates that nothing was decided about.</summary>
        public bool HasRemaining { get; private set; }

        public long? NextDueAt { get; private set; } = Earlier(rows.NextDueAt, rows.NextOpensAt);

        public void Add(JudgedCandidates judged)
        {
            Started.AddRange(judged.Started);
            Refused = judged.Refused;
            HasRemaining = judged.Remaining > 0;
            NextDueAt = Earlier(NextDueAt, judged.NextOpensAt);
        }

        private static long? Earlier(long? a, long? b) => a is null || b < a ? b : a;
    }
}
