using Databus.Jobs;
using Databus.Schedules;
using Databus.Subscriptions;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// Jobs and schedules in the shared store. Each verb is a few lines here and one method beside its SQL in the table, or the
/// piece of work, that it is about.
/// </summary>
internal sealed class PostgresJobs : IJobStore
{
    /// <summary>In ms.</summary>
    private const long BetweenSweeps = 10_000;

    private readonly Func<Database> _database;
    private readonly Announcements _announcements;
    private readonly ClaimFloors _floors = new();
    private readonly Claiming _claiming;
    private readonly Gathering<IReadOnlyList<NewJob>, IReadOnlyList<EnqueueOutcome>> _enqueues;
    private readonly Gathering<IReadOnlyList<JobCompletion>, IReadOnlyList<LeaseToken>> _completions;
    private readonly Gathering<IReadOnlyList<JobReport>, JobRenewal> _reports;
    private volatile bool _metFollowing;
    private long _nextSweep;
    private string _sweptTo = "";

    /// <summary>Nothing is asked before the store is open.</summary>
    public PostgresJobs(Func<Database> database, WaitingRows waiting, Announcements announcements)
    {
        _database = database;
        _announcements = announcements;
        _claiming = new Claiming(_floors);
        _enqueues = new(EnqueueTogetherAsync, waiting);
        _completions = new(CompleteTogetherAsync, waiting);
        _reports = new(ReportTogetherAsync, waiting);
    }

    public Action<string?>? Claimable { get; set; }

    public Action? Changed { get; set; }

    /// <summary>Ends when nothing is under way any more.</summary>
    public Task Idle => Task.WhenAll(_enqueues.Idle, _completions.Idle, _reports.Idle);

    private Database Database => _database();

    private long? Time => Database.GivenTime;

    /// <summary>Another node said so, or the poll: from this job up something may be claimable.</summary>
    public void HearClaimable(string? queue, long id)
    {
        if (queue is not null)
        {
            _floors.LearnQueues([queue]);
            _floors.Lower(queue, id);
        }

        Claimable?.Invoke(queue);
    }

    /// <summary>What others told of meanwhile was not heard.</summary>
    public void HearAgain() => _floors.LookAtAllNext();

    public void HearChanged() => Changed?.Invoke();

    public async Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken)
    {
        _ = Database;
        return jobs.Count == 0 ? [] : await _enqueues.AskAsync(jobs, jobs.Count, jobs.Sum(static job => (long)job.Arguments.Length), cancellationToken);
    }

    /// <summary>In a transaction of somebody else, who tells the others with its commit.</summary>
    public async Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(NpgsqlTransaction transaction, IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var connection = transaction.Connection ?? throw new InvalidOperationException("The transaction is over.");
        var insertion = new JobInsertion(connection, Time);
        var outcomes = await insertion.InsertAsync([jobs]);
        foreach (var text in Announcements.OfTransaction(insertion.Effects))
            await connection.Command("SELECT pg_notify($1, $2)", Neighbours.Channel, text).ValueAsync(CancellationToken.None);
        return outcomes;
    }

    public async Task<JobClaims> ClaimAsync(JobClaim claim, CancellationToken cancellationToken)
    {
        var (claims, effects) = await _claiming.ClaimAsync(Database, claim, cancellationToken);
        Tell(effects);
        return claims;
    }

    public async Task<IReadOnlyList<LeaseToken>> CompleteAsync(IReadOnlyList<JobCompletion> completions, CancellationToken cancellationToken)
    {
        _ = Database;
        return completions.Count == 0 ? [] : await _completions.AskAsync(
            completions, completions.Count, completions.Sum(static one => (long)(one.Result?.Length ?? 0) + (one.Error?.Length ?? 0)), cancellationToken);
    }

    public async Task<JobRenewal> RenewAsync(IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken) =>
        tokens.Count == 0 ? new JobRenewal([], []) : await Database.WriteAsync(
            connection => JobTable.RenewAsync(connection, tokens, lease, Time), cancellationToken);

    public async Task<JobRenewal> ReportAsync(IReadOnlyList<JobReport> reports, CancellationToken cancellationToken)
    {
        _ = Database;
        return reports.Count == 0 ? new JobRenewal([], []) : await _reports.AskAsync(
            reports, reports.Sum(static report => 1 + report.Lines.Count), reports.Sum(static report => report.Lines.Sum(static line => (long)line.Text.Length)), cancellationToken);
    }

    public async Task<IReadOnlyList<LeaseToken>> ListRunningAsync(string owner, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => JobTable.ListRunningAsync(connection, owner, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<LeaseToken>> ListCancelRequestsAsync(string owner, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => JobTable.ListCancelRequestsAsync(connection, owner, cancellationToken), cancellationToken);

    public async Task<int> RescueAsync(CancellationToken cancellationToken)
    {
        await SweepAsync(cancellationToken);
        return await ChangeAsync(static changes => changes.RescueAsync(), cancellationToken);
    }

    public Task<JobStatus?> FindAsync(long id, CancellationToken cancellationToken) =>
        Database.ReadAsync(connection => JobListing.FindAsync(connection, id, Time, cancellationToken), cancellationToken);

    public Task<long> LastIdAsync(CancellationToken cancellationToken) =>
        Database.ReadAsync(connection => JobTable.LastIdAsync(connection, cancellationToken), cancellationToken);

    public Task<JobPage> ListAsync(JobFilter filter, long? before, int limit, CancellationToken cancellationToken) =>
        Database.ReadAsync(connection => JobListing.ListAsync(connection, filter, before, limit, Time, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<JobLogLine>> ReadLogAsync(long id, int limit, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => JobTable.ReadLogAsync(connection, id, limit, cancellationToken), cancellationToken);

    public Task<JobStep> CancelAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        ChangeAsync(changes => changes.CancelAsync(filter, before), cancellationToken);

    public Task<JobStep> RetryAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        ChangeAsync(changes => changes.RetryAsync(filter, before), cancellationToken);

    public Task<JobStep> DeleteAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        ChangeAsync(changes => changes.DeleteAsync(filter, before), cancellationToken);

    public async Task<IReadOnlyList<QueueStatus>> ListQueuesAsync(CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => QueueTable.ListAsync(connection, Time, cancellationToken), cancellationToken);

    public async Task PutQueueAsync(string queue, bool paused, JobLimit? limit, CancellationToken cancellationToken)
    {
        await Database.WriteAsync(
            async connection =>
            {
                await QueueTable.PutAsync(connection, queue, paused, limit);
                return true;
            },
            cancellationToken);
        var effects = new JobEffects();
        effects.Wake(queue, JobEffects.Later);
        Tell(effects);
    }

    // Schedules

    public async Task<bool> PutScheduleAsync(ScheduleSettings settings, DateTimeOffset? nextAt, string? declaration, CancellationToken cancellationToken)
    {
        var created = await Database.WriteAsync(connection => ScheduleTable.PutAsync(connection, settings, nextAt, declaration, Time), cancellationToken);
        _announcements.Configured();
        return created;
    }

    public async Task<bool> DeleteScheduleAsync(string name, CancellationToken cancellationToken)
    {
        var deleted = await Database.WriteAsync(connection => ScheduleTable.DeleteAsync(connection, name), cancellationToken);
        _announcements.Configured();
        return deleted;
    }

    public async Task<IReadOnlyList<ScheduleStatus>> ListSchedulesAsync(string? name, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => ScheduleTable.ListAsync(connection, name, Time, cancellationToken), cancellationToken);

    public async Task<TickOutcome?> TickAsync(ScheduleTick tick, CancellationToken cancellationToken)
    {
        var (outcome, effects) = await Database.WriteAsync(
            async connection =>
            {
                var effects = new JobEffects();
                await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
                var outcome = await ScheduleTable.TickAsync(connection, tick, effects, Time);
                await transaction.CommitAsync(CancellationToken.None);
                return (outcome, effects);
            },
            cancellationToken);
        Tell(effects);
        return outcome;
    }

    private async Task<IReadOnlyList<IReadOnlyList<EnqueueOutcome>>> EnqueueTogetherAsync(IReadOnlyList<IReadOnlyList<NewJob>> calls)
    {
        var (outcomes, effects) = await Database.WriteAsync(
            async connection =>
            {
                var insertion = new JobInsertion(connection, Time);
                await using var transaction = JobInsertion.IsPlain(calls.SelectMany(call => call)) ? null : await connection.BeginTransactionAsync(CancellationToken.None);
                var outcomes = await insertion.InsertAsync(calls);
                if (transaction is not null)
                    await transaction.CommitAsync(CancellationToken.None);
                return (outcomes, insertion.Effects);
            },
            CancellationToken.None);
        Tell(effects);
        var results = new List<IReadOnlyList<EnqueueOutcome>>(calls.Count);
        var first = 0;
        foreach (var call in calls)
        {
            results.Add(new ArraySegment<EnqueueOutcome>(outcomes, first, call.Count));
            first += call.Count;
        }

        return results;
    }

    private async Task<IReadOnlyList<IReadOnlyList<LeaseToken>>> CompleteTogetherAsync(IReadOnlyList<IReadOnlyList<JobCompletion>> calls)
    {
        // Whoever says something about a start that somebody said something about before is late. In the order of ids, in which all lock them.
        var first = new Dictionary<LeaseToken, JobCompletion>();
        foreach (var completion in calls.SelectMany(call => call))
            first.TryAdd(completion.Token, completion);
        var current = new HashSet<LeaseToken>();
        var effects = new JobEffects();
        await Database.WriteAsync(
            async connection =>
            {
                await CompleteAsync(connection, [.. first.Values.Where(one => !current.Contains(one.Token)).OrderBy(one => one.Token.Id)], current, effects);
                return true;
            },
            CancellationToken.None);
        Tell(effects);
        return [.. calls.Select(call => (IReadOnlyList<LeaseToken>)[.. call.Select(one => one.Token).Where(token => !current.Remove(token))])];
    }

    /// <summary>Ends starts, first those from which nothing follows.</summary>
    /// <param name="current">The tokens that are, as soon as their ends are committed: a conflict after that, and another try, undoes nothing.</param>
    /// <param name="effects">Likewise.</param>
    private async Task CompleteAsync(NpgsqlConnection connection, IReadOnlyList<JobCompletion> completions, HashSet<LeaseToken> current, JobEffects effects)
    {
        // Where something followed from the ends before, it will from these: then what is left stays locked meanwhile.
        await using var transaction = _metFollowing ? await connection.BeginTransactionAsync(CancellationToken.None) : null;
        var held = await JobTable.CompleteAsync(connection, completions, Time);
        var kept = held.Where(one => !one.IsLeft).Select(one => one.Token).ToList();
        var news = new JobEffects();
        foreach (var (token, queue, next, _) in held.Where(one => !one.IsLeft))
        {
            news.HasEnds |= next.IsEnd();
            if (!next.IsEnd())
                news.Wake(queue, next == JobState.Waiting ? token.Id : JobEffects.Later);
        }

        var left = held.Where(one => one.IsLeft).Select(one => one.Token).ToHashSet();
        _metFollowing = left.Count > 0;
        if (transaction is null)
        {
            current.UnionWith(kept);
            effects.Add(news);
        }

        if (left.Count > 0)
        {
            await using var own = transaction is null ? await connection.BeginTransactionAsync(CancellationToken.None) : null;
            var changes = new JobChanges(connection, Time);
            kept.AddRange(await changes.CompleteAsync([.. completions.Where(one => left.Contains(one.Token))]));
            news.Add(changes.Effects);
            if (own is not null)
                await own.CommitAsync(CancellationToken.None);
        }

        if (transaction is not null)
            await transaction.CommitAsync(CancellationToken.None);
        current.UnionWith(kept);
        effects.Add(news);
    }

    private async Task<IReadOnlyList<JobRenewal>> ReportTogetherAsync(IReadOnlyList<IReadOnlyList<JobReport>> calls)
    {
        var all = await Database.WriteAsync(connection => JobTable.ReportAsync(connection, [.. calls.SelectMany(call => call)], Time), CancellationToken.None);
        var (lost, shallStop) = (all.Lost.ToHashSet(), all.CancelRequested.ToHashSet());
        return
        [
            .. calls.Select(call => new JobRenewal(
                [.. call.Select(report => report.Token).Distinct().Where(lost.Contains)],
                [.. call.Select(report => report.Token).Distinct().Where(shallStop.Contains)])),
        ];
    }

    /// <summary>
    /// Looks from time to time whether a limit holds what it need not, a bounded number of limits at a time: whoever ends a job lets
    /// the next one go, so there is something to find only where limits of one key differ.
    /// </summary>
    private async Task SweepAsync(CancellationToken cancellationToken)
    {
        if (Postgres.Database.Uptime() < _nextSweep)
            return;
        _nextSweep = Postgres.Database.Uptime() + BetweenSweeps;
        var (keys, effects) = await Database.WriteAsync(
            async connection =>
            {
                await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
                var limits = new JobLimits(connection, Time);
                var keys = await limits.HeldKeysAsync(_sweptTo);
                var effects = await limits.ReleaseAsync(keys);
                await transaction.CommitAsync(CancellationToken.None);
                return (keys, effects ?? new JobEffects());
            },
            cancellationToken);
        _sweptTo = keys.Count > 0 ? keys[^1] : "";
        Tell(effects);
    }

    private async Task<T> ChangeAsync<T>(Func<JobChanges, Task<T>> change, CancellationToken cancellationToken)
    {
        var (result, effects) = await Database.WriteAsync(
            async connection =>
            {
                var changes = new JobChanges(connection, Time);
                await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
                var result = await change(changes);
                await transaction.CommitAsync(CancellationToken.None);
                return (result, changes.Effects);
            },
            cancellationToken);
        Tell(effects);
        return result;
    }

    /// <summary>Tells who waits, here and on other nodes.</summary>
    private void Tell(JobEffects effects)
    {
        _announcements.Jobs(effects);
        foreach (var (queue, id) in effects.Woken)
            HearClaimable(queue, id);
        if (effects.HasEnds)
            Changed?.Invoke();
    }
}
