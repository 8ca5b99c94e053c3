using Databus.Telemetry;
using Databus.Testing;

namespace Databus.Tests.Telemetry;

public sealed class LastMinuteTests
{
    private readonly FakeClock _clock = new();
    private readonly LastMinute _count;

    public LastMinuteTests() => _count = new LastMinute(_clock);

    [Fact]
    public void At_first_there_was_nothing() => Assert.Equal(0, _count.Sum);

    [Fact]
    public void What_was_counted_is_forgotten_after_a_minute()
    {
        _count.Add(3);
        _clock.Advance(TimeSpan.FromSeconds(59));
        _count.Add(4);
        Assert.Equal(7, _count.Sum);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(4, _count.Sum);
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(0, _count.Sum);
    }

    [Fact]
    public void A_long_pause_forgets_everything()
    {
        _count.Add(3);
        _clock.Advance(TimeSpan.FromDays(1));
        Assert.Equal(0, _count.Sum);
    }

    [Fact]
    public void A_steady_stream_sums_up_to_sixty_seconds_of_it()
    {
        for (var second = 0; second < 500; second++)
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            _count.Add(1);
        }

        Assert.Equal(60, _count.Sum);
    }

    [Fact]
    public void Nothing_is_lost_between_many_who_count()
    {
        Parallel.For(0, 10_000, _ => _count.Add(1));
        Assert.Equal(10_000, _count.Sum);
    }
}
