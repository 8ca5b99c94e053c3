namespace Databus.Testing;

/// <summary>
/// A clock that stands still until it is moved. Timers fire inside <see cref="Advance"/>, in the order in which
/// they are due, each at its own time. Safe for concurrent use.
/// </summary>
public sealed class FakeClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<FakeTimer> _timers = [];
    private readonly List<(Func<bool> Condition, TaskCompletionSource Met)> _awaited = [];
    private DateTimeOffset _now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>Timers that are set to fire.</summary>
    public int ActiveTimers
    {
        get
        {
            lock (_gate)
                return CountActive();
        }
    }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate)
            return _now;
    }

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, callback, state);
        lock (_gate)
            _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Ends when at least this many timers are set: then whoever is tested has begun to wait.</summary>
    public Task WhenTimersAsync(int count) => WhenAsync(() => CountActive() >= count);

    /// <summary>Ends when a timer is set to fire this long from now.</summary>
    public Task WhenTimerInAsync(TimeSpan time) => WhenAsync(() => _timers.Exists(timer => timer.DueAt == _now + time));

    public void Advance(TimeSpan time)
    {
        var end = GetUtcNow() + time;
        while (NextDue(end) is { } timer)
            timer.Fire();
    }

    /// <summary>Moves the clock without firing timers, also backwards, as a corrected system clock does.</summary>
    public void SetUtcNow(DateTimeOffset now)
    {
        lock (_gate)
            _now = now;
    }

    private Task WhenAsync(Func<bool> condition)
    {
        lock (_gate)
        {
            if (condition())
                return Task.CompletedTask;
            var met = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _awaited.Add((condition, met));
            return met.Task;
        }
    }

    private int CountActive() => _timers.Count(timer => timer.DueAt < DateTimeOffset.MaxValue);

    /// <summary>Moves the clock to the next timer that is due; null: there is none, and it is moved to the end.</summary>
    private FakeTimer? NextDue(DateTimeOffset end)
    {
        lock (_gate)
        {
            var next = _timers.Where(timer => timer.DueAt <= end).MinBy(timer => timer.DueAt);
            if (next is null)
            {
                // With the same lock: a timer set in between would be overdue, and never fire.
                _now = end;
                return null;
            }

            _now = next.DueAt > _now ? next.DueAt : _now;
            next.DueAt = next.Period > TimeSpan.Zero ? next.DueAt + next.Period : DateTimeOffset.MaxValue;
            return next;
        }
    }

    private sealed class FakeTimer(FakeClock clock, TimerCallback callback, object? state) : ITimer
    {
        public DateTimeOffset DueAt { get; set; } = DateTimeOffset.MaxValue;

        public TimeSpan Period { get; private set; }

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._gate)
            {
                if (!clock._timers.Contains(this))
                    return false;
                DueAt = dueTime == Timeout.InfiniteTimeSpan ? DateTimeOffset.MaxValue : clock._now + dueTime;
                Period = period;
                foreach (var (_, met) in clock._awaited.Where(awaited => awaited.Condition()))
                    met.TrySetResult();
                clock._awaited.RemoveAll(awaited => awaited.Met.Task.IsCompleted);
                return true;
            }
        }

        public void Dispose()
        {
            lock (clock._gate)
                clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
