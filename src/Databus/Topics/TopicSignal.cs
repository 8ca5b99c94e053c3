using System.Collections.Concurrent;
using Databus.Subscriptions;

namespace Databus.Topics;

/// <summary>
/// Wakes those who wait for something new in one topic: all who follow its log, and of each subscription the
/// one who has waited longest. A signal carries nothing; whoever wakes reads the store, which is the truth.
/// </summary>
internal sealed class TopicSignal
{
    private readonly ConcurrentDictionary<string, WaitingLine> _lines = new(StringComparer.Ordinal);
    private TaskCompletionSource? _next;

    /// <summary>Ends with the next append. To be taken before reading, so that nothing comes in between unseen.</summary>
    public Task Next
    {
        get
        {
            var next = Volatile.Read(ref _next);
            if (next is not null)
                return next.Task;
            var created = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _next, created, comparand: null) ?? created).Task;
        }
    }

    public void Pulse()
    {
        Interlocked.Exchange(ref _next, value: null)?.TrySetResult();
        foreach (var (_, line) in _lines)
            line.WakeOne();
    }

    /// <summary>The line of those who wait for a subscription. Lines stay: they are few and small.</summary>
    public WaitingLine LineOf(string subscription, TimeProvider time) =>
        _lines.GetOrAdd(subscription, static (_, time) => new WaitingLine(time), time);

    /// <summary>Less of this subscription is in flight. Wakes one only where that was what everybody waited for.</summary>
    public void MadeRoom(string subscription)
    {
        if (!_lines.TryGetValue(subscription, out var line) || !line.WaitsForRoom)
            return;
        line.WaitsForRoom = false;
        line.WakeOne();
    }

    /// <summary>Something of this subscription came due again other than by an append.</summary>
    public void Wake(string subscription)
    {
        if (_lines.TryGetValue(subscription, out var line))
            line.WakeOne();
    }
}
