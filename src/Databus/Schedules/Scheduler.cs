using Databus.Jobs;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Schedules;

/// <summary>
/// Takes the ticks of all schedules when they are due. Any number of nodes may do so: the store gives each tick to one of
/// them (P6). A store that is away for a while makes ticks late, and then each schedule's catch-up says what becomes of them.
/// </summary>
public sealed partial class Scheduler : BackgroundService
{
    /// <summary>So late at most it is seen what another node changed.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(1);

    /// <summary>Many schedules tick at the full hour; taken together, they share commits.</summary>
    private const int TicksAtOnce = 16;

    private readonly IStore _store;
    private readonly ScheduleSettings[] _declared;
    private readonly ILogger<Scheduler> _logger;
    private readonly WakeUp _changed;
    private readonly HashSet<(string Schedule, long Revision)> _unreadable = [];
    private bool _isDeclared;
    private bool _isAway;

    /// <summary>Takes ticks once it is started.</summary>
    /// <param name="declared">What the program itself wants to have.</param>
    /// <exception cref="InvalidOperationException">A schedule was declared that cannot be, or two of one name.</exception>
    internal Scheduler(IStore store, IEnumerable<ScheduleSettings> declared, TimeProvider time, ILogger<Scheduler> logger)
    {
        _store = store;
        _declared = [.. declared];
        _logger = logger;
        _changed = new WakeUp(time);
        foreach (var settings in _declared)
        {
            if (ScheduleCheck.FindMistake(settings) is { } mistake)
                throw new InvalidOperationException($"The schedule \"{settings.Name}\" cannot be: {mistake.Sentence}");
        }

        if (_declared.GroupBy(settings => settings.Name, StringComparer.Ordinal).FirstOrDefault(group => group.Skip(1).Any()) is { } twice)
            throw new InvalidOperationException($"The schedule \"{twice.Key}\" was declared twice.");
    }

    /// <summary>Schedules were put or deleted.</summary>
    public void Changed() => _changed.Set();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = LongestWait;
            try
            {
                await PutDeclaredAsync(stoppingToken);
                wait = await TakeWhatIsDueAsync(stoppingToken);
                if (_isAway)
                    LogStoreIsBack();
                _isAway = false;
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                // What was under way may have been done or not; whoever looks next sees it.
                break;
            }
            catch (Exception error)
            {
                // Once for each outage: the log would hold nothing else.
                if (!_isAway)
                    LogStoreFailed(error);
                _isAway = true;
            }

            await _changed.WaitAsync(wait, stoppingToken);
        }
    }

    /// <summary>
    /// What the program declares is put in place at the first start with it. From then on it is changed by whoever changes it,
    /// until the program declares something else.
    /// </summary>
    private async Task PutDeclaredAsync(CancellationToken stoppingToken)
    {
        if (_isDeclared)
            return;
        if (_declared.Length > 0)
        {
            var known = (await _store.Jobs.ListSchedulesAsync(name: null, stoppingToken)).ToDictionary(schedule => schedule.Settings.Name, StringComparer.Ordinal);
            foreach (var settings in _declared)
                await PutDeclaredAsync(settings, known.GetValueOrDefault(settings.Name), stoppingToken);
        }

        _isDeclared = true;
    }

    private async Task PutDeclaredAsync(ScheduleSettings settings, ScheduleStatus? known, CancellationToken stoppingToken)
    {
        // Who changed it since did so on purpose.
        var mark = DeclaredSchedule.MarkOf(settings);
        if (known?.Declaration == mark)
            return;
        var wanted = settings with { IsPaused = known?.Settings.IsPaused ?? settings.IsPaused };
        if (!Timetable.TryRead(wanted.Rule, out var timetable, out _))
            return;
        await _store.Jobs.PutScheduleAsync(wanted, SchedulePlan.NextOf(wanted, timetable, known, _store.Now), mark, stoppingToken);
        LogDeclared(settings.Name);
    }

    /// <summary>How long until the next tick is due.</summary>
    private async Task<TimeSpan> TakeWhatIsDueAsync(CancellationToken stoppingToken)
    {
        var schedules = await _store.Jobs.ListSchedulesAsync(name: null, stoppingToken);
        var now = _store.Now;
        var next = now + LongestWait;
        var due = new List<ScheduleTick>();
        foreach (var schedule in schedules)
        {
            if (schedule.Settings.IsPaused || schedule.NextAt is not { } at)
                continue;
            if (at > now)
                next = Earlier(next, at);
            else if (Read(schedule) is { } timetable && SchedulePlan.Due(schedule, timetable, now) is { } tick)
                due.Add(tick);
        }

        foreach (var tick in due)
            next = Earlier(next, tick.NextAt ?? next);
        await Parallel.ForEachAsync(due, new ParallelOptions { MaxDegreeOfParallelism = TicksAtOnce, CancellationToken = stoppingToken }, TakeAsync);
        var wait = next - _store.Now;
        return wait < TimeSpan.Zero ? TimeSpan.Zero : wait < LongestWait ? wait : LongestWait;
    }

    private async ValueTask TakeAsync(ScheduleTick tick, CancellationToken stoppingToken)
    {
        try
        {
            if (await _store.Jobs.TickAsync(tick, stoppingToken) is { } outcome)
                Log(tick, outcome);
        }
        catch (Exception error) when (!stoppingToken.IsCancellationRequested)
        {
            // It stays due. What stands in the way of one tick need not stand in the way of the others.
            LogTickFailed(tick.Schedule, tick.At, error);
        }
    }

    /// <summary>A tick whose time was over was let go, and is worth no line.</summary>
    private void Log(ScheduleTick tick, TickOutcome outcome)
    {
        if (outcome.JobIds.Count > 0)
            LogTicked(tick.Schedule, tick.At, outcome.JobIds);
        if (outcome.Skipped > 0)
            LogSkipped(tick.Schedule, tick.At, outcome.Skipped);
    }

    private Timetable? Read(ScheduleStatus schedule)
    {
        if (Timetable.TryRead(schedule.Settings.Rule, out var timetable, out var mistake))
            return timetable;

        // Another machine knows the zone perhaps.
        if (_unreadable.Add((schedule.Settings.Name, schedule.Revision)))
            LogUnreadable(schedule.Settings.Name, mistake.Sentence);
        return null;
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    [LoggerMessage(EventId = 60, Level = LogLevel.Information, Message = "Schedule {Schedule}: the tick of {At:O} enqueued {Jobs}")]
    private partial void LogTicked(string schedule, DateTimeOffset at, IReadOnlyList<long> jobs);

    [LoggerMessage(EventId = 66, Level = LogLevel.Information, Message = "Schedule {Schedule}: the tick of {At:O} let {Skipped} go, because an earlier one's job has not ended")]
    private partial void LogSkipped(string schedule, DateTimeOffset at, int skipped);

    [LoggerMessage(EventId = 61, Level = LogLevel.Error, Message = "Schedule {Schedule}: the tick of {At:O} could not be taken; it is tried again")]
    private partial void LogTickFailed(string schedule, DateTimeOffset at, Exception error);

    [LoggerMessage(EventId = 62, Level = LogLevel.Error, Message = "The schedules could not be read; they are late until the store is back")]
    private partial void LogStoreFailed(Exception error);

    [LoggerMessage(EventId = 63, Level = LogLevel.Information, Message = "The schedules can be read again")]
    private partial void LogStoreIsBack();

    [LoggerMessage(EventId = 64, Level = LogLevel.Warning, Message = "Schedule {Schedule} does not tick on this node: {Reason}")]
    private partial void LogUnreadable(string schedule, string reason);

    [LoggerMessage(EventId = 65, Level = LogLevel.Information, Message = "Schedule {Schedule} is in place as it was declared")]
    private partial void LogDeclared(string schedule);
}
