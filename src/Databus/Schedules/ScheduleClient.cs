using System.Diagnostics;
using Databus.Storage;

namespace Databus.Schedules;

/// <summary>What people and programs do with schedules.</summary>
/// <remarks>Values are checked here. Where the store fails, <see cref="StoreException"/> says how.</remarks>
public sealed class ScheduleClient
{
    /// <summary>Of a preview.</summary>
    public const int MostTicks = 1000;

    private readonly IStore _store;
    private readonly Scheduler _scheduler;

    internal ScheduleClient(IStore store, Scheduler scheduler)
    {
        _store = store;
        _scheduler = scheduler;
    }

    /// <summary>
    /// Creates the schedule or puts it in place of the one of its name. When only other things than its rule change, its next
    /// tick stays, and with it what is still to be made up for.
    /// </summary>
    public async Task<PutScheduleResult> PutAsync(ScheduleSettings settings, CancellationToken cancellationToken)
    {
        if (ScheduleCheck.FindMistake(settings) is { } wrong)
            return new PutScheduleResult(IsCreated: false, wrong);
        if (!Timetable.TryRead(settings.Rule, out var timetable, out var mistake))
            return new PutScheduleResult(IsCreated: false, mistake);
        var known = await FindAsync(settings.Name, cancellationToken);
        var created = await _store.Jobs.PutScheduleAsync(settings, SchedulePlan.NextOf(settings, timetable, known, _store.Now), declaration: null, cancellationToken);
        _scheduler.Changed();
        return new PutScheduleResult(created, Mistake: null);
    }

    /// <summary>Jobs that it enqueued stay. False: there is no such schedule.</summary>
    public async Task<bool> DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var found = await _store.Jobs.DeleteScheduleAsync(name, cancellationToken);
        _scheduler.Changed();
        return found;
    }

    /// <summary>All of them, by name.</summary>
    public Task<IReadOnlyList<ScheduleStatus>> ListAsync(CancellationToken cancellationToken) => _store.Jobs.ListSchedulesAsync(name: null, cancellationToken);

    /// <summary>Null: there is no such schedule.</summary>
    public async Task<ScheduleStatus?> FindAsync(string name, CancellationToken cancellationToken) =>
        await _store.Jobs.ListSchedulesAsync(name, cancellationToken) is [var status] ? status : null;

    /// <summary>
    /// Pauses it, or lets it go on; what it missed meanwhile is made up for as its catch-up says. False: there is no such schedule.
    /// </summary>
    public async Task<bool> SetPausedAsync(string name, bool paused, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken) is not { } known)
            return false;
        if (known.Settings.IsPaused == paused)
            return true;
        return (await PutAsync(known.Settings with { IsPaused = paused }, cancellationToken)).Mistake is null;
    }

    /// <summary>
    /// Enqueues its job at once, paused or not, whatever runs of it, beside all of its ticks. The job's id; null: there is
    /// no such schedule.
    /// </summary>
    public async Task<long?> RunNowAsync(string name, CancellationToken cancellationToken)
    {
        if (await FindAsync(name, cancellationToken) is not { } known)
            return null;
        var outcomes = await _store.Jobs.EnqueueAsync([known.Settings.Job with { TraceParent = Activity.Current?.Id }], cancellationToken);
        return outcomes[0].Id;
    }

    /// <summary>The next ticks that a rule has from now on, without jitter. At most <see cref="MostTicks"/>.</summary>
    /// <returns>Of the two, the one that is not null.</returns>
    public (IReadOnlyList<DateTimeOffset>? Ticks, ScheduleMistake? Mistake) Preview(ScheduleRule rule, int count) =>
        Timetable.TryRead(rule, out var timetable, out var mistake)
            ? (SchedulePlan.Preview(timetable, _store.Now, Math.Clamp(count, 0, MostTicks)), null)
            : (null, mistake);
}

/// <summary>What became of a schedule that was put.</summary>
/// <param name="IsCreated">There was none of its name.</param>
/// <param name="Mistake">Nothing was done, because this is wrong; null: it is in place.</param>
public sealed record PutScheduleResult(bool IsCreated, ScheduleMistake? Mistake);
