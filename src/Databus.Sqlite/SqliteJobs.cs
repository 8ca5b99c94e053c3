using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;
using Databus.Subscriptions;

namespace Databus.Sqlite;

/// <summary>The part of the embedded store that keeps jobs and schedules: each verb is one line here and one method beside its SQL.</summary>
internal sealed class SqliteJobs(TimeProvider time) : IJobStore
{
    /// <summary>What a claim counts for in the queue at most: many ask for a thousand and find nothing.</summary>
    private const int RowsOfAClaim = 100;

    private Writer? _writer;
    private Readers? _readers;

    public Action<string?>? Claimable { get; set; }

    public Action? Changed { get; set; }

    private Writer Writer => _writer ?? throw new InvalidOperationException("The store is not open.");

    private Readers Readers => _readers ?? throw new InvalidOperationException("The store is not open.");

    public void Open(Writer writer, Readers readers) => (_writer, _readers) = (writer, readers);

    // Jobs, as they go

    public Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => JobTable.Enqueue(session, jobs), SpaceNeed.Adds, cancellationToken, jobs.Count);

    public Task<JobClaims> ClaimAsync(JobClaim claim, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => JobStarts.Claim(session, claim), SpaceNeed.Little, cancellationToken, Math.Min(claim.Max, RowsOfAClaim));

    public Task<IReadOnlyList<LeaseToken>> CompleteAsync(IReadOnlyList<JobCompletion> completions, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => RunningJobs.Complete(session, completions), SpaceNeed.Little, cancellationToken, completions.Count);

    public Task<JobRenewal> RenewAsync(IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => RunningJobs.Renew(session, tokens, lease), SpaceNeed.Little, cancellationToken, tokens.Count);

    public Task<JobRenewal> ReportAsync(IReadOnlyList<JobReport> reports, CancellationToken cancellationToken) =>
        Writer.RunAsync(
            session => RunningJobs.Report(session, reports), SpaceNeed.Little, cancellationToken, reports.Sum(report => 1 + report.Lines.Count));

    public Task<IReadOnlyList<LeaseToken>> ListCancelRequestsAsync(string owner, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => RunningJobs.ListToStop(connection, owner), cancellationToken);

    public Task<IReadOnlyList<LeaseToken>> ListRunningAsync(string owner, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => RunningJobs.ListRunning(connection, owner), cancellationToken);

    public Task<int> RescueAsync(CancellationToken cancellationToken) =>
        Writer.RunAsync(RunningJobs.Rescue, SpaceNeed.Little, cancellationToken);

    // Jobs, as people see and change them

    public Task<JobStatus?> FindAsync(long id, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => JobTable.Find(connection, id), cancellationToken);

    public Task<long> LastIdAsync(CancellationToken cancellationToken) => Readers.ReadAsync(JobTable.LastId, cancellationToken);

    public Task<JobPage> ListAsync(JobFilter filter, long? before, int limit, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => JobTable.List(connection, filter, before, limit, time.GetUtcNow().ToColumn()), cancellationToken);

    public Task<IReadOnlyList<JobLogLine>> ReadLogAsync(long id, int limit, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => JobLog.Read(connection, id, limit), cancellationToken);

    public Task<JobStep> CancelAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        StepAsync(filter, JobChange.Cancel, before, cancellationToken);

    public Task<JobStep> RetryAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        StepAsync(filter, JobChange.Retry, before, cancellationToken);

    public Task<JobStep> DeleteAsync(JobFilter filter, long? before, CancellationToken cancellationToken) =>
        StepAsync(filter, JobChange.Delete, before, cancellationToken);

    // Queues

    public Task<IReadOnlyList<QueueStatus>> ListQueuesAsync(CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => QueueTable.List(connection, time.GetUtcNow().ToColumn()), cancellationToken);

    public Task PutQueueAsync(string queue, bool paused, JobLimit? limit, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => QueueTable.Put(session, queue, paused, limit), SpaceNeed.Adds, cancellationToken);

    // Schedules

    public Task<bool> PutScheduleAsync(ScheduleSettings settings, DateTimeOffset? nextAt, string? declaration, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => ScheduleTable.Put(session, settings, nextAt, declaration), SpaceNeed.Adds, cancellationToken);

    public Task<bool> DeleteScheduleAsync(string name, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => ScheduleTable.Delete(session, name), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<ScheduleStatus>> ListSchedulesAsync(string? name, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => ScheduleTable.List(connection, name), cancellationToken);

    public Task<TickOutcome?> TickAsync(ScheduleTick tick, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => ScheduleTable.Tick(session, tick), SpaceNeed.Adds, cancellationToken, 1 + tick.Jobs.Count);

    /// <summary>Readers do the looking; the writer looks again at what they found, and changes it.</summary>
    private async Task<JobStep> StepAsync(JobFilter filter, JobChange change, long? before, CancellationToken cancellationToken)
    {
        var (found, scannedTo) = await Readers.ReadAsync(
            connection => JobScan.Run(connection, filter, change.States, before, JobChange.MostInAStep, time.GetUtcNow().ToColumn()), cancellationToken);
        var changed = found.Count == 0
            ? 0
            : await Writer.RunAsync(session => change.Apply(session, filter with { Ids = found }), SpaceNeed.Little, cancellationToken, found.Count);
        return new JobStep(changed, scannedTo);
    }
}
