using System.Globalization;
using System.Text;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Subscriptions;

namespace Databus.StoreSuite;

/// <summary>Short words for what nearly every test of jobs does.</summary>
public abstract class JobSuite(StoreHome home) : StoreTests(home)
{
    protected const string Node = "node-1";
    protected static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    protected static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>After this much silence a node has lost its jobs.</summary>
    protected static readonly TimeSpan Silence = NodeStatus.SilenceOfTheDead;

    protected IJobStore Jobs => Store.Jobs;

    protected DateTimeOffset Now => Clock.GetUtcNow();

    protected static NewJob Job(string name = "count", string arguments = "{}") => new(name, Encoding.UTF8.GetBytes(arguments));

    /// <summary>So many jobs, each with its place as its arguments.</summary>
    protected static NewJob[] ManyJobs(int count) =>
        [.. Enumerable.Range(0, count).Select(place => Job(arguments: place.ToString(CultureInfo.InvariantCulture)))];

    protected static IEnumerable<long> Ids(IEnumerable<ClaimedJob> jobs) => jobs.Select(job => job.Token.Id);

    protected static IEnumerable<long> Ids(JobPage page) => page.Jobs.Select(job => job.Id);

    protected Task<IReadOnlyList<EnqueueOutcome>> TryEnqueueAsync(params NewJob[] jobs) => Jobs.EnqueueAsync(jobs, Cancellation);

    /// <summary>Enqueues what must all be added.</summary>
    protected async Task<long[]> EnqueueAsync(params NewJob[] jobs)
    {
        var outcomes = await TryEnqueueAsync(jobs);
        Assert.Equal(jobs.Length, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.True(outcome.Added));
        return [.. outcomes.Select(outcome => outcome.Id)];
    }

    protected async Task<long> EnqueueOneAsync(NewJob? job = null) => (await EnqueueAsync(job ?? Job()))[0];

    protected Task<JobClaims> TryClaimAsync(int max = 100, string owner = Node, string? queue = null, TimeSpan? lease = null) =>
        Jobs.ClaimAsync(new JobClaim(owner, queue is null ? null : [queue], max, lease), Cancellation);

    protected async Task<IReadOnlyList<ClaimedJob>> ClaimAsync(int max = 100, string owner = Node, string? queue = null, TimeSpan? lease = null) =>
        (await TryClaimAsync(max, owner, queue, lease)).Jobs;

    /// <summary>Claims one, which must be there.</summary>
    protected async Task<ClaimedJob> ClaimOneAsync(string owner = Node, TimeSpan? lease = null) =>
        Assert.Single(await ClaimAsync(max: 1, owner, lease: lease));

    /// <summary>Ends a start; false: its token was lost.</summary>
    protected async Task<bool> CompleteAsync(
        ClaimedJob job, JobOutcome outcome = JobOutcome.Succeeded, string? result = null, string? error = null, TimeSpan delay = default)
    {
        var lost = await Jobs.CompleteAsync(
            [new JobCompletion(job.Token, outcome, result is null ? null : Encoding.UTF8.GetBytes(result), error, delay)], Cancellation);
        Assert.All(lost, token => Assert.Equal(job.Token, token));
        return lost.Count == 0;
    }

    protected Task<IReadOnlyList<LeaseToken>> CompleteAllAsync(IEnumerable<ClaimedJob> jobs, JobOutcome outcome = JobOutcome.Succeeded) =>
        Jobs.CompleteAsync([.. jobs.Select(job => new JobCompletion(job.Token, outcome))], Cancellation);

    /// <summary>A job that must be known.</summary>
    protected async Task<JobStatus> JobAsync(long id)
    {
        var job = await Jobs.FindAsync(id, Cancellation);
        Assert.NotNull(job);
        return job;
    }

    protected async Task<JobState> StateAsync(long id) => (await JobAsync(id)).State;

    protected async Task<JobState[]> StatesAsync(params long[] ids)
    {
        var states = new JobState[ids.Length];
        for (var i = 0; i < ids.Length; i++)
            states[i] = await StateAsync(ids[i]);
        return states;
    }

    protected async Task<(JobState State, string? Error)> EndOfAsync(long id)
    {
        var job = await JobAsync(id);
        return (job.State, job.Error);
    }

    protected Task<JobStep> CancelAsync(params long[] ids) => Jobs.CancelAsync(new JobFilter { Ids = ids }, before: null, Cancellation);

    protected Task<JobStep> RetryAsync(params long[] ids) => Jobs.RetryAsync(new JobFilter { Ids = ids }, before: null, Cancellation);

    protected Task<JobStep> DeleteAsync(params long[] ids) => Jobs.DeleteAsync(new JobFilter { Ids = ids }, before: null, Cancellation);

    protected Task BeatAsync(string node = Node) => Store.HeartbeatAsync(
        new NodeReport(node, node, NodeRoles.All, "1.2.3", Now, IsDraining: false, []), Cancellation);

    /// <summary>Rescues until nothing is left to be rescued, and returns how many jobs that were.</summary>
    protected async Task<int> RescueAsync()
    {
        for (var rescued = 0; ;)
        {
            var some = await Jobs.RescueAsync(Cancellation);
            rescued += some;
            if (some == 0)
                return rescued;
        }
    }

    protected async Task<QueueStatus> QueueAsync(string queue = NewJob.DefaultQueue) =>
        Assert.Single(await Jobs.ListQueuesAsync(Cancellation), status => status.Name == queue);
}
