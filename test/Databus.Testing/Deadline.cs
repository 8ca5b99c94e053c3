using System.Diagnostics;

namespace Databus.Testing;

/// <summary>A point in time after which a loop gives up.</summary>
public readonly struct Deadline
{
    private readonly long _started;
    private readonly TimeSpan _length;

    private Deadline(TimeSpan length)
    {
        _started = Stopwatch.GetTimestamp();
        _length = length;
    }

    public bool IsOver => Stopwatch.GetElapsedTime(_started) >= _length;

    public static Deadline In(TimeSpan length) => new(length);

    /// <summary>Looks every few milliseconds. False: the time was over first.</summary>
    public static async Task<bool> WaitAsync(Func<bool> condition, TimeSpan length, CancellationToken cancellationToken)
    {
        var deadline = In(length);
        while (!condition())
        {
            if (deadline.IsOver)
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(5), cancellationToken);
        }

        return true;
    }

    /// <inheritdoc cref="WaitAsync(Func{bool}, TimeSpan, CancellationToken)"/>
    public static async Task<bool> WaitAsync(
        Func<Task<bool>> condition, TimeSpan length, CancellationToken cancellationToken)
    {
        var deadline = In(length);
        while (!await condition())
        {
            if (deadline.IsOver)
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(20), cancellationToken);
        }

        return true;
    }
}
