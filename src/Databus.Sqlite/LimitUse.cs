using System.Runtime.InteropServices;

namespace Databus.Sqlite;

/// <summary>What is used of a limit: how many run, and when the last ones started.</summary>
internal sealed class LimitUse(int running, byte[] starts)
{
    // In order, also where the clock went back.
    private readonly List<long> _starts = [.. MemoryMarshal.Cast<byte, long>(starts)];

    public int Running { get; private set; } = running;

    public bool HasStarts => _starts.Count > 0;

    /// <summary>The starts as their column holds them.</summary>
    public byte[] Starts => MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_starts)).ToArray();

    /// <summary>How many more may start now.</summary>
    public int Room(int maxRunning, int maxStarts, long per, long now) => Math.Max(0, Math.Min(
        maxRunning == 0 ? int.MaxValue : maxRunning - Running,
        maxStarts == 0 ? int.MaxValue : maxStarts - (_starts.Count - FirstAfter(now - per))));

    /// <summary>When a start leaves the period, so that there is room though none ended; null: none is in it.</summary>
    public long? NextRoomAt(long per, long now) => FirstAfter(now - per) is var first && first < _starts.Count ? _starts[first] + per : null;

    public void Start(int maxStarts, long per, long now)
    {
        Running++;
        if (maxStarts == 0)
            return;
        _starts.RemoveRange(0, FirstAfter(now - per));
        _starts.Add(HasStarts ? Math.Max(now, _starts[^1]) : now);
    }

    public void End(int count = 1) => Running = Math.Max(0, Running - count);

    private int FirstAfter(long time)
    {
        var at = _starts.BinarySearch(time + 1);
        if (at < 0)
            return ~at;

        // Of several at the same moment the first.
        while (at > 0 && _starts[at - 1] == time + 1)
            at--;
        return at;
    }
}
