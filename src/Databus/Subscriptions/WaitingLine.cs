namespace Databus.Subscriptions;

/// <summary>
/// Those who wait for deliveries of one subscription, first come, first served. One new item wakes one of them;
/// whoever leaves something behind wakes the next, so a thousand waiting requests cost what one costs.
/// </summary>
internal sealed class WaitingLine(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private ITimer? _timer;
    private DateTimeOffset _timerAt = DateTimeOffset.MaxValue;

    /// <summary>Those who wait could have something as soon as less is in flight.</summary>
    public bool WaitsForRoom { get; set; }

    public Waiter Join()
    {
        lock (_gate)
        {
            var waiter = new Waiter(this);
            waiter.Place = _waiters.AddLast(waiter);
            return waiter;
        }
    }

    /// <summary>Wakes the first who is not awake yet.</summary>
    public void WakeOne()
    {
        lock (_gate)
        {
            for (var place = _waiters.First; place is not null; place = place.Next)
            {
                if (place.Value.TryWake())
                    return;
            }
        }
    }

    /// <summary>Wakes one at this time: then a lease ends, or a delay is over.</summary>
    public void WakeAt(DateTimeOffset due)
    {
        lock (_gate)
        {
            if (due >= _timerAt || _waiters.Count == 0)
                return;
            _timerAt = due;
            var wait = due - time.GetUtcNow();
            var delay = TimeSpan.FromMilliseconds(Math.Clamp(Math.Ceiling(wait.TotalMilliseconds), 0, int.MaxValue));
            if (_timer is null)
                _timer = time.CreateTimer(_ => TimerFired(), state: null, delay, Timeout.InfiniteTimeSpan);
            else
                _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }
    }

    private void TimerFired()
    {
        lock (_gate)
            _timerAt = DateTimeOffset.MaxValue;
        WakeOne();
    }

    private void Leave(Waiter waiter)
    {
        bool passOn;
        lock (_gate)
        {
            _waiters.Remove(waiter.Place!);
            passOn = waiter.IsAwake;
            if (_waiters.Count == 0)
            {
                _timer?.Dispose();
                _timer = null;
                _timerAt = DateTimeOffset.MaxValue;
            }
        }

        // A wake-up that was meant for the one who left belongs to the next.
        if (passOn)
            WakeOne();
    }

    /// <summary>A place in the line.</summary>
    internal sealed class Waiter(WaitingLine line) : IDisposable
    {
        private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LinkedListNode<Waiter>? Place { get; set; }

        public bool IsAwake => _wake.Task.IsCompleted;

        public bool TryWake() => _wake.TrySetResult();

        /// <summary>Waits to be woken. False: the time is over.</summary>
        public async Task<bool> WaitAsync(TimeSpan atMost, CancellationToken cancellationToken)
        {
            var woken = _wake.Task;
            await woken.WaitAsync(atMost, line.Time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
            if (!woken.IsCompleted)
                return false;
            lock (line._gate)
                _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return true;
        }

        public void Dispose() => line.Leave(this);
    }

    private TimeProvider Time => time;
}
