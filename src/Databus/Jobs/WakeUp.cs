namespace Databus.Jobs;

/// <summary>Wakes one loop. Set any number of times before the loop looks, it wakes it once.</summary>
internal sealed class WakeUp(TimeProvider time)
{
    private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Set() => Volatile.Read(ref _next).TrySetResult();

    /// <summary>Ends when set since the last wait, when the time is over, or when cancelled. By one loop only.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancellationToken)
    {
        var next = _next;

        // Timers count milliseconds: less than one would be no wait at all, over and over.
        var wait = longest == Timeout.InfiniteTimeSpan ? longest : TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(longest.TotalMilliseconds)));
        await next.Task.WaitAsync(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // What is set from here on is for the next wait; what was set before, the loop looks at now.
        if (next.Task.IsCompleted)
            Interlocked.Exchange(ref _next, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
