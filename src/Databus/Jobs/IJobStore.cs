using Databus.Schedules;
using Databus.Storage;
using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>
/// The part of the store that keeps jobs and schedules. As with <see cref="IStore"/>, a task that ends well means committed
/// and on disk, and one abstract suite says what each verb guarantees.
/// </summary>
public interface IJobStore
{
    /// <summary>
    /// Called when something may have become claimable in a queue, or when it will become so may have changed, here or, as
    /// far as it is heard, on another node; null: in any queue. Must be quick and must not throw. Set before opening.
    /// </summary>
    Action<string?>? Claimable { get; set; }

    /// <summary>
    /// Called when jobs ended, or were asked to, here or on another node: whoever waits for one looks again. Must be quick
    /// and must not throw. Set before opening.
    /// </summary>
    Action? Changed { get; set; }

    /// <summary>
    /// Enqueues all or nothing; outcomes in the order given. Of those with the same unique key in one call the first has it,
    /// whatever becomes of it. A job that comes after one that has ended already without
    /// success, and not <see cref="NewJob.AfterAnyEnd"/>, is there at once as cancelled: whether the other ended a moment
    /// before or after makes no difference.
    /// </summary>
    Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken);

    /// <summary>
    /// Starts jobs: the highest priority first, then the oldest, by id. What is delayed and due is among them; what has not
    /// been started in time expires here, when its turn comes. Queues that are paused, or whose own limit is reached, give
    /// nothing, and their jobs go on waiting; a job whose limit is reached is held out of the way of the others. Limits hold over all
    /// nodes. At most <see cref="JobClaim.Max"/> jobs and about 8 MiB of arguments, one job at least; a bounded number of
    /// jobs is looked at, so that there may be more even where none was started.
    /// </summary>
    Task<JobClaims> ClaimAsync(JobClaim claim, CancellationToken cancellationToken);

    /// <summary>
    /// Ends starts. Jobs that come after become claimable, or are cancelled, in the same step. A job that was asked to stop
    /// is not started again: where it would be, it ends as cancelled. Of a start with a lease of its own, the end of the
    /// lease is the end of the token. Returns the tokens that are no longer current, for which nothing was done.
    /// </summary>
    Task<IReadOnlyList<LeaseToken>> CompleteAsync(IReadOnlyList<JobCompletion> completions, CancellationToken cancellationToken);

    /// <summary>
    /// Lets leases end this long from now. Only of claims with a lease of their own; a node's heartbeat holds its jobs', whose
    /// tokens are answered here all the same.
    /// </summary>
    Task<JobRenewal> RenewAsync(IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken);

    /// <summary>Keeps what jobs say while they run.</summary>
    Task<JobRenewal> ReportAsync(IReadOnlyList<JobReport> reports, CancellationToken cancellationToken);

    /// <summary>
    /// All that an owner has under way as the store sees it: so a worker finds what it was given by a claim whose answer was
    /// lost.
    /// </summary>
    Task<IReadOnlyList<LeaseToken>> ListRunningAsync(string owner, CancellationToken cancellationToken);

    /// <summary>The running jobs of an owner that shall stop.</summary>
    Task<IReadOnlyList<LeaseToken>> ListCancelRequestsAsync(string owner, CancellationToken cancellationToken);

    /// <summary>
    /// Takes the jobs away from owners that are not heard of any more (<see cref="Nodes.NodeStatus.SilenceOfTheDead"/>), and
    /// those whose lease ended: they wait again, or have failed when that was their last attempt, or the fourth time
    /// in a row that they were lost (<see cref="JobErrors.MostLossesInARow"/>); one that was asked to stop is cancelled. Of a node's
    /// jobs the fourth time is one at which the job had its process for itself (<see cref="JobReport.IsAlone"/>). An owner that never
    /// gave a sign of life is as silent as one that stopped. In steps; returns how many this one took.
    /// </summary>
    Task<int> RescueAsync(CancellationToken cancellationToken);

    /// <summary>Null: not known, or no longer kept.</summary>
    Task<JobStatus?> FindAsync(long id, CancellationToken cancellationToken);

    /// <summary>Ids below the largest one ever given that are not found were removed; 0 when there was none.</summary>
    Task<long> LastIdAsync(CancellationToken cancellationToken);

    /// <summary>
    /// The newest first, below an id; at most <see cref="JobPage.MostLookedAt"/> jobs are looked at, and about 8 MiB of arguments
    /// and results are read, one job at least.
    /// </summary>
    Task<JobPage> ListAsync(JobFilter filter, long? before, int limit, CancellationToken cancellationToken);

    /// <summary>The last lines of a job's log, oldest first.</summary>
    Task<IReadOnlyList<JobLogLine>> ReadLogAsync(long id, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Cancels what has not started and asks what runs to stop. One step, from an id (null: the newest) down, which looks at
    /// no more jobs than a page does. What was asked already does not count as changed.
    /// </summary>
    Task<JobStep> CancelAsync(JobFilter filter, long? before, CancellationToken cancellationToken);

    /// <summary>
    /// Lets jobs that failed, were cancelled or expired wait again, with all their attempts and due now. They do not expire again, come after
    /// no other job any more and do not take their unique key again; their limit holds. One step.
    /// </summary>
    Task<JobStep> RetryAsync(JobFilter filter, long? before, CancellationToken cancellationToken);

    /// <summary>Removes jobs that do not run. For jobs that come after one that had not ended, it did not succeed. One step.</summary>
    Task<JobStep> DeleteAsync(JobFilter filter, long? before, CancellationToken cancellationToken);

    /// <summary>Every queue that has jobs, or settings, or in which jobs ended in the last minute; by name.</summary>
    Task<IReadOnlyList<QueueStatus>> ListQueuesAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Pauses or resumes a queue, and sets what all of its jobs may do together, those that run already included; null: no
    /// limit. The limit's key is the queue, and has nothing to do with a job's limit of the same key.
    /// </summary>
    Task PutQueueAsync(string queue, bool paused, JobLimit? limit, CancellationToken cancellationToken);

    // Schedules

    /// <summary>Creates the schedule or changes it; what it did so far stays known. True: created.</summary>
    /// <param name="nextAt">Its next tick; null: none.</param>
    /// <param name="declaration">What stands for the declaration that it comes from; null leaves what is known of that in place.</param>
    Task<bool> PutScheduleAsync(ScheduleSettings settings, DateTimeOffset? nextAt, string? declaration, CancellationToken cancellationToken);

    Task<bool> DeleteScheduleAsync(string name, CancellationToken cancellationToken);

    Task<IReadOnlyList<ScheduleStatus>> ListSchedulesAsync(string? name, CancellationToken cancellationToken);

    /// <summary>
    /// Takes a tick (P6): when the schedule's next tick is still the one given, and its revision too, its jobs are enqueued and
    /// its next tick is set, in one step. Null: somebody else took it, or the schedule was changed. Of several jobs each is
    /// the earlier one of the next, also where they skip, queue or cancel.
    /// </summary>
    Task<TickOutcome?> TickAsync(ScheduleTick tick, CancellationToken cancellationToken);
}
