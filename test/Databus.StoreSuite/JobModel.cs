using Databus.Jobs;
using Databus.Nodes;
using Databus.Subscriptions;

namespace Databus.StoreSuite;

/// <summary>What the jobs of one queue do, written for reading and not for speed: a list in memory.</summary>
internal sealed class JobModel
{
    private readonly List<Entry> _jobs = [];
    private readonly Dictionary<string, (long Id, DateTimeOffset? FreeAt)> _keys = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<DateTimeOffset>> _starts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _beats = new(StringComparer.Ordinal);

    /// <summary>By id, newest first. What could start but for its due time or its limit counts as waiting.</summary>
    public IEnumerable<(long Id, JobState State, int Attempt, bool IsCancelRequested)> Jobs =>
        _jobs.OrderByDescending(job => job.Id).Select(job => (job.Id, job.State, job.Attempt, job.IsCancelRequested && !job.State.IsEnd()));

    public IReadOnlyList<long> Ids => [.. _jobs.Select(job => job.Id)];

    /// <summary>What was to be enqueued.</summary>
    /// <param name="keys">Those that jobs of the same call had before this one, and who has them.</param>
    public void Enqueue(NewJob job, EnqueueOutcome outcome, IReadOnlyList<EnqueueOutcome> call, Dictionary<string, long> keys, DateTimeOffset now)
    {
        if (job.UniqueKey is { } given && !keys.TryAdd(given, outcome.Id))
        {
            Assert.Equal(new EnqueueOutcome(keys[given], Added: false), outcome);
            return;
        }

        if (job.UniqueKey is { } key && _keys.TryGetValue(key, out var taken) && (taken.FreeAt is null || taken.FreeAt > now))
        {
            Assert.Equal(new EnqueueOutcome(taken.Id, Added: false), outcome);
            return;
        }

        Assert.True(outcome.Added);
        if (job.UniqueKey is not null)
            _keys[job.UniqueKey] = (outcome.Id, now + job.UniqueFor);
        var entry = new Entry(outcome.Id, job) { DueAt = now + job.Delay };
        _jobs.Add(entry);
        foreach (var before in job.After.Select(reference => Find(reference.Id ?? call[reference.Index].Id)).OfType<Entry>())
        {
            if (!before.State.IsEnd())
                entry.WaitsFor.Add(before.Id);
            else if (before.State != JobState.Succeeded && !job.AfterAnyEnd)
                entry.IsDoomed = true;
        }

        if (entry.IsDoomed)
            End(entry, JobState.Cancelled, now);
        else if (entry.WaitsFor.Count > 0)
            entry.State = JobState.Blocked;
    }

    public IEnumerable<(long Id, int Attempt)> Claim(string owner, int max, TimeSpan? lease, DateTimeOffset now)
    {
        var started = new List<(long Id, int Attempt)>();
        foreach (var job in _jobs.Where(job => job.State == JobState.Waiting && job.DueAt <= now).OrderByDescending(job => job.Job.Priority).ThenBy(job => job.Id).ToList())
        {
            if (started.Count == max)
                break;
            if (!MayStart(job, now))
                continue;
            job.State = JobState.Running;
            job.Attempt++;
            job.Owner = owner;
            job.LeaseUntil = now + lease;
            if (job.Job.Limit is { } limit)
                StartsOf(limit).Add(now);
            started.Add((job.Id, job.Attempt));
        }

        return started;
    }

    public void Claimed(LeaseToken token) => Find(token.Id)!.Token = token;

    /// <summary>False: the token is lost.</summary>
    public bool Complete(LeaseToken token, JobOutcome outcome, TimeSpan delay, DateTimeOffset now)
    {
        if (Find(token.Id) is not { State: JobState.Running } job || job.Token != token || job.LeaseUntil <= now)
            return false;
        job.Losses = outcome == JobOutcome.Failed ? 0 : job.Losses;
        if (outcome == JobOutcome.Succeeded)
            End(job, JobState.Succeeded, now);
        else if (outcome == JobOutcome.Hopeless)
            End(job, JobState.Failed, now);
        else if (job.IsCancelRequested)
            End(job, JobState.Cancelled, now);
        else if (outcome == JobOutcome.Failed && job.Attempt >= job.Job.MaxAttempts)
            End(job, JobState.Failed, now);
        else
            WaitAgain(job, now + delay, usesNoAttempt: outcome != JobOutcome.Failed);
        return true;
    }

    public void Beat(string node, DateTimeOffset now) => _beats[node] = now;

    public int Rescue(DateTimeOffset now)
    {
        var lost = _jobs.Where(job => job.State == JobState.Running && IsLost(job)).ToList();
        foreach (var job in lost)
        {
            if (job.IsCancelRequested)
                End(job, JobState.Cancelled, now);
            else if (job.Attempt >= job.Job.MaxAttempts || (job.LeaseUntil is not null && job.Losses + 1 >= JobErrors.MostLossesInARow))
                End(job, JobState.Failed, now);
            else
            {
                job.Losses = Math.Min(job.Losses + 1, JobErrors.LossesOfASuspect);
                WaitAgain(job, now, usesNoAttempt: false);
            }
        }

        return lost.Count;

        bool IsLost(Entry job) => job.LeaseUntil is { } until
            ? until <= now
            : !_beats.TryGetValue(job.Owner!, out var beat) || now - beat >= NodeStatus.SilenceOfTheDead;
    }

    public int Cancel(long id, DateTimeOffset now)
    {
        if (Find(id) is not { } job || job.State.IsEnd() || job.IsCancelRequested)
            return 0;
        if (job.State == JobState.Running)
            job.IsCancelRequested = true;
        else
            End(job, JobState.Cancelled, now);
        return 1;
    }

    public int Retry(long id, DateTimeOffset now)
    {
        if (Find(id) is not { State: JobState.Failed or JobState.Cancelled } job)
            return 0;
        job.State = JobState.Waiting;
        job.DueAt = now;
        (job.Attempt, job.Losses, job.IsCancelRequested) = (0, 0, false);
        return 1;
    }

    public int Delete(long id, DateTimeOffset now)
    {
        if (Find(id) is not { State: not JobState.Running } job)
            return 0;
        if (!job.State.IsEnd())
            End(job, JobState.Cancelled, now);
        _jobs.Remove(job);
        return 1;
    }

    private static void WaitAgain(Entry job, DateTimeOffset dueAt, bool usesNoAttempt)
    {
        job.State = JobState.Waiting;
        job.DueAt = dueAt;
        if (usesNoAttempt)
            job.Attempt--;
    }

    private bool MayStart(Entry job, DateTimeOffset now)
    {
        if (job.Job.Limit is not { } limit)
            return true;
        var running = _jobs.Count(other => other.State == JobState.Running && other.Job.Limit?.Key == limit.Key);
        var starts = StartsOf(limit).Count(start => start > now - limit.Per);
        return (limit.MaxRunning == 0 || running < limit.MaxRunning) && (limit.MaxStarts == 0 || starts < limit.MaxStarts);
    }

    private void End(Entry job, JobState end, DateTimeOffset now)
    {
        job.State = end;
        if (job.Job is { UniqueKey: { } key, UniqueFor: null } && _keys.TryGetValue(key, out var taken) && taken.Id == job.Id)
            _keys.Remove(key);
        foreach (var follower in _jobs.Where(other => other.State == JobState.Blocked && other.WaitsFor.Remove(job.Id)).ToList())
        {
            if (end != JobState.Succeeded && !follower.Job.AfterAnyEnd)
            {
                End(follower, JobState.Cancelled, now);
            }
            else if (follower.WaitsFor.Count == 0)
            {
                follower.State = JobState.Waiting;
                follower.DueAt = follower.DueAt > now ? follower.DueAt : now;
            }
        }
    }

    private Entry? Find(long id) => _jobs.Find(job => job.Id == id);

    private List<DateTimeOffset> StartsOf(JobLimit limit)
    {
        if (!_starts.TryGetValue(limit.Key, out var starts))
            _starts[limit.Key] = starts = [];
        return starts;
    }

    private sealed class Entry(long id, NewJob job)
    {
        public long Id => id;

        public NewJob Job => job;

        public JobState State { get; set; } = JobState.Waiting;

        public required DateTimeOffset DueAt { get; set; }

        public int Attempt { get; set; }

        public int Losses { get; set; }

        public bool IsCancelRequested { get; set; }

        /// <summary>A job that it comes after had already ended without success.</summary>
        public bool IsDoomed { get; set; }

        public string? Owner { get; set; }

        public DateTimeOffset? LeaseUntil { get; set; }

        public LeaseToken? Token { get; set; }

        public HashSet<long> WaitsFor { get; } = [];
    }
}
