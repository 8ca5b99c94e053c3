using System.Text.Json;
using Databus.Storage;

namespace Databus.Jobs;

/// <summary>Enqueues jobs, waits for them, and reads what became of them.</summary>
public sealed class JobClient
{
    /// <summary>So late at most it is seen that a job ended, should its word be lost.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    /// <summary>However much changes, whoever waits looks no more often than this in the long run.</summary>
    private static readonly TimeSpan LongestGap = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan FirstGap = TimeSpan.FromMilliseconds(1);

    private readonly IStore _store;
    private readonly JobKinds _kinds;
    private readonly JobMeter _meter;
    private readonly TimeProvider _time;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal JobClient(IStore store, JobKinds kinds, JobMeter meter, TimeProvider time)
    {
        _store = store;
        _kinds = kinds;
        _meter = meter;
        _time = time;
    }

    /// <summary>Enqueues a job. Ends when it is on disk.</summary>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    /// <exception cref="InvalidOperationException">No job of this type is known.</exception>
    public async Task<EnqueueOutcome> EnqueueAsync<TJob>(TJob job, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
        where TJob : notnull =>
        (await EnqueueAsync([Describe(job, options)], cancellationToken))[0];

    /// <summary>Enqueues many jobs in one step, all or none; outcomes in the order given.</summary>
    /// <inheritdoc cref="EnqueueAsync{TJob}(TJob, EnqueueOptions?, CancellationToken)"/>
    public Task<IReadOnlyList<EnqueueOutcome>> EnqueueManyAsync<TJob>(
        IEnumerable<TJob> jobs, EnqueueOptions? options = null, CancellationToken cancellationToken = default)
        where TJob : notnull =>
        EnqueueAsync([.. jobs.Select(job => Describe(job, options))], cancellationToken);

    /// <summary>Enqueues a job by its name, with arguments as JSON; a name that is not known here is taken as well.</summary>
    /// <exception cref="JsonException">The arguments are no JSON, or do not fit the job of this name.</exception>
    /// <inheritdoc cref="EnqueueAsync{TJob}(TJob, EnqueueOptions?, CancellationToken)"/>
    public async Task<EnqueueOutcome> EnqueueAsync(
        string name, ReadOnlyMemory<byte> arguments, EnqueueOptions? options = null, CancellationToken cancellationToken = default) =>
        (await EnqueueAsync([Describe(name, arguments, options)], cancellationToken))[0];

    /// <summary>Enqueues jobs in one step, all or none; outcomes in the order given.</summary>
    /// <exception cref="ArgumentException">A job is out of range.</exception>
    public async Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken = default)
    {
        if (jobs.Count == 0)
            return [];
        foreach (var job in jobs)
        {
            if (NewJobRules.Problem(job) is { } problem)
                throw new ArgumentException(problem, nameof(jobs));
        }

        using var activity = JobTracing.StartEnqueue(jobs.Count == 1 ? jobs[0].Name : $"{jobs.Count} jobs");
        if (JobTracing.TraceParent is { } trace)
            jobs = [.. jobs.Select(job => job with { TraceParent = job.TraceParent ?? trace })];
        var outcomes = await _store.Jobs.EnqueueAsync(jobs, cancellationToken);
        _meter.Enqueued(jobs, outcomes);
        return outcomes;
    }

    /// <summary>Begins with jobs of which some come after others.</summary>
    public JobPlan Plan() => new(this);

    /// <summary>The job as it would be enqueued, for schedules and whoever enqueues on ways of their own.</summary>
    /// <exception cref="InvalidOperationException">No job of this type is known.</exception>
    public NewJob Describe<TJob>(TJob job, EnqueueOptions? options = null)
        where TJob : notnull =>
        With(_kinds.Of(typeof(TJob)).Describe(job, json: null), options ?? EnqueueOptions.None);

    /// <inheritdoc cref="Describe{TJob}"/>
    /// <exception cref="JsonException">The arguments are no JSON, or do not fit the job of this name.</exception>
    public NewJob Describe(string name, ReadOnlyMemory<byte> arguments, EnqueueOptions? options = null)
    {
        NewJob job;
        if (_kinds.Find(name) is { } kind)
        {
            var read = kind.Read(arguments.Span) ?? throw new JsonException("The arguments are null.", "$", lineNumber: null, bytePositionInLine: null);
            job = kind.Describe(read, arguments.ToArray());
        }
        else
        {
            using (JsonDocument.Parse(arguments))
                job = new NewJob(name, arguments.ToArray());
        }

        return With(job, options ?? EnqueueOptions.None);
    }

    /// <summary>
    /// Waits until the job has ended, for this long at most, and tells where it stands then. Null: it is not known, or no
    /// longer kept.
    /// </summary>
    public async Task<JobStatus?> WaitAsync(long id, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        var startedAt = _time.GetTimestamp();
        for (var gap = TimeSpan.Zero; ; gap = Shorter(gap * 2 > FirstGap ? gap * 2 : FirstGap, LongestGap))
        {
            // First the signal, then the look: what changes in between is not missed.
            var changed = Volatile.Read(ref _changed).Task;
            var lookedAt = _time.GetTimestamp();
            var status = await _store.Jobs.FindAsync(id, cancellationToken);
            var left = timeout - _time.GetElapsedTime(startedAt);
            if (status?.State.IsEnd() != false || left <= TimeSpan.Zero)
                return status;
            await changed.WaitAsync(UpToMilliseconds(Shorter(BetweenLooks, left)), _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            var rest = Shorter(gap - _time.GetElapsedTime(lookedAt), timeout - _time.GetElapsedTime(startedAt));
            if (rest > TimeSpan.Zero)
                await Task.Delay(UpToMilliseconds(rest), _time, cancellationToken);
        }
    }

    /// <summary>Null: not known, or no longer kept.</summary>
    public Task<JobStatus?> FindAsync(long id, CancellationToken cancellationToken = default) => _store.Jobs.FindAsync(id, cancellationToken);

    /// <summary>Cancels a job that has not started, and asks one that runs to stop. False: there is none that could be.</summary>
    public async Task<bool> CancelAsync(long id, CancellationToken cancellationToken = default) =>
        (await _store.Jobs.CancelAsync(new JobFilter { Ids = [id] }, before: null, cancellationToken)).Changed > 0;

    /// <summary>The result of a job that succeeded.</summary>
    /// <exception cref="InvalidOperationException">It did not succeed, or its results are not of this type.</exception>
    /// <exception cref="JsonException">What is kept does not fit the type any more.</exception>
    public TResult? ReadResult<TResult>(JobStatus job)
    {
        if (job.State != JobState.Succeeded)
            throw new InvalidOperationException($"The job {job.Id} has no result: it is {job.State}{(job.Error is null ? "" : $", {job.Error}")}.");
        if (_kinds.Find(job.Name) is not { } kind || kind.Result != typeof(TResult))
            throw new InvalidOperationException($"No job of the name \"{job.Name}\" with a result of type {typeof(TResult)} is known.");
        return job.Result is null ? default : (TResult?)kind.ReadResult(job.Result);
    }

    /// <summary>Jobs ended, or shall.</summary>
    internal void Changed() =>
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Timers count them: less than one would be no wait at all, over and over.</summary>
    private static TimeSpan UpToMilliseconds(TimeSpan time) => TimeSpan.FromMilliseconds(Math.Ceiling(time.TotalMilliseconds));

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static NewJob With(NewJob job, EnqueueOptions options) => job with
    {
        Queue = options.Queue ?? job.Queue,
        Priority = options.Priority ?? job.Priority,
        MaxAttempts = options.MaxAttempts ?? job.MaxAttempts,
        DueAt = options.DueAt,
        Delay = options.Delay,
        ExpiresAfter = options.ExpiresAfter ?? job.ExpiresAfter,

        // Two kinds of jobs may well have the same keys, and mean different things.
        UniqueKey = (options.UniqueKey ?? job.UniqueKey) is { } key ? $"{job.Name}:{key}" : null,
        UniqueFor = options.UniqueFor ?? job.UniqueFor,
        Limit = options.Limit ?? job.Limit,
        KeepFor = options.KeepFor ?? job.KeepFor,
        After = [.. options.After.Select(JobReference.ById)],
        AfterAnyEnd = options.AfterAnyEnd,
    };
}
