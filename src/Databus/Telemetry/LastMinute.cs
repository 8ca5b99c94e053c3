namespace Databus.Telemetry;

/// <summary>How many of something there were in the last 60 seconds. Safe for concurrent use.</summary>
internal sealed class LastMinute(TimeProvider time)
{
    private const int Seconds = 60;

    private readonly Lock _gate = new();
    private readonly long[] _counts = new long[Seconds];
    private long _second;

    public long Sum
    {
        get
        {
            lock (_gate)
            {
                Advance();
                return _counts.Sum();
            }
        }
    }

    public void Add(long count)
    {
        lock (_gate)
        {
            Advance();
            _counts[_second % Seconds] += count;
        }
    }

    private void Advance()
    {
        var now = time.GetTimestamp() / time.TimestampFrequency;
        for (var passed = Math.Min(now - _second, Seconds); passed > 0; passed--)
            _counts[(now - passed + 1) % Seconds] = 0;
        _second = Math.Max(_second, now);
    }
}
