namespace Databus.Jobs;

/// <summary>
/// Jobs of which some come after others, enqueued in one step: <c>plan.AddAll(pages).Then(summary).ThenInAnyCase(cleanUp)</c>.
/// Made by <see cref="JobClient.Plan"/>; for one use, by one thread.
/// </summary>
public sealed class JobPlan
{
    private readonly JobClient _client;
    private readonly List<NewJob> _jobs = [];

    internal JobPlan(JobClient client)
    {
        _client = client;
    }

    /// <summary>Adds a job that comes after no other one of the plan.</summary>
    public JobStage Add<TJob>(TJob job, EnqueueOptions? options = null)
        where TJob : notnull =>
        Add([_client.Describe(job, options)], [], afterAnyEnd: false);

    /// <summary>Adds jobs that come after no other ones of the plan, and run side by side.</summary>
    public JobStage AddAll<TJob>(IEnumerable<TJob> jobs, EnqueueOptions? options = null)
        where TJob : notnull =>
        Add(jobs.Select(job => _client.Describe(job, options)), [], afterAnyEnd: false);

    /// <summary>Enqueues the plan, all or nothing; outcomes in the order in which its jobs were added.</summary>
    public Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(CancellationToken cancellationToken = default) => _client.EnqueueAsync(_jobs, cancellationToken);

    internal JobStage Then<TJob>(IEnumerable<TJob> jobs, EnqueueOptions? options, IReadOnlyList<int> after, bool afterAnyEnd)
        where TJob : notnull =>
        Add(jobs.Select(job => _client.Describe(job, options)), after, afterAnyEnd);

    private JobStage Add(IEnumerable<NewJob> jobs, IReadOnlyList<int> after, bool afterAnyEnd)
    {
        var first = _jobs.Count;
        foreach (var job in jobs)
        {
            _jobs.Add(after.Count == 0 ? job : job with
            {
                After = [.. job.After, .. after.Select(JobReference.ByIndex)],
                AfterAnyEnd = afterAnyEnd || job.AfterAnyEnd,
            });
        }

        return new JobStage(this, [.. Enumerable.Range(first, _jobs.Count - first)]);
    }
}

/// <summary>Jobs of a plan that others can come after.</summary>
public sealed class JobStage
{
    private readonly JobPlan _plan;

    internal JobStage(JobPlan plan, IReadOnlyList<int> indexes)
    {
        _plan = plan;
        Indexes = indexes;
    }

    /// <summary>The places of these jobs in the plan, from 0: there their outcomes are.</summary>
    public IReadOnlyList<int> Indexes { get; }

    /// <summary>These jobs and those.</summary>
    /// <exception cref="ArgumentException">They belong to another plan.</exception>
    public JobStage And(JobStage other) => other._plan == _plan
        ? new JobStage(_plan, [.. Indexes.Union(other.Indexes)])
        : throw new ArgumentException("The jobs belong to another plan.", nameof(other));

    /// <summary>Adds a job that starts when all of these have succeeded; one that did not cancels it.</summary>
    public JobStage Then<TJob>(TJob job, EnqueueOptions? options = null)
        where TJob : notnull =>
        _plan.Then([job], options, Indexes, afterAnyEnd: false);

    /// <summary>Adds jobs that start side by side when all of these have succeeded; one that did not cancels them.</summary>
    public JobStage ThenAll<TJob>(IEnumerable<TJob> jobs, EnqueueOptions? options = null)
        where TJob : notnull =>
        _plan.Then(jobs, options, Indexes, afterAnyEnd: false);

    /// <summary>Adds a job that starts when all of these have ended, however that was.</summary>
    public JobStage ThenInAnyCase<TJob>(TJob job, EnqueueOptions? options = null)
        where TJob : notnull =>
        _plan.Then([job], options, Indexes, afterAnyEnd: true);
}
