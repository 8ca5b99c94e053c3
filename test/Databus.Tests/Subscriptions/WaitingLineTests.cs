using Databus.Subscriptions;
using Databus.Testing;

namespace Databus.Tests.Subscriptions;

public sealed class WaitingLineTests
{
    private readonly FakeClock _clock = new();
    private readonly WaitingLine _line;

    public WaitingLineTests() => _line = new WaitingLine(_clock);

    [Fact]
    public void First_come_first_served()
    {
        using var first = _line.Join();
        using var second = _line.Join();
        _line.WakeOne();
        Assert.Equal((true, false), (first.IsAwake, second.IsAwake));
        _line.WakeOne();
        Assert.True(second.IsAwake);
        _line.WakeOne();
    }

    [Fact]
    public void Whoever_leaves_awake_passes_the_wake_up_on()
    {
        var first = _line.Join();
        using var second = _line.Join();
        _line.WakeOne();
        first.Dispose();
        Assert.True(second.IsAwake);
    }

    [Fact]
    public void Whoever_leaves_asleep_passes_nothing_on()
    {
        var first = _line.Join();
        using var second = _line.Join();
        first.Dispose();
        Assert.False(second.IsAwake);
    }

    [Fact]
    public async Task A_wake_up_before_the_wait_counts()
    {
        using var waiter = _line.Join();
        _line.WakeOne();
        Assert.True(await waiter.WaitAsync(TimeSpan.FromMinutes(1), CancellationToken.None));
        Assert.False(waiter.IsAwake);
    }

    [Fact]
    public void The_earliest_time_named_wakes()
    {
        using var first = _line.Join();
        using var second = _line.Join();
        _line.WakeAt(_clock.GetUtcNow() + TimeSpan.FromSeconds(10));
        _line.WakeAt(_clock.GetUtcNow() + TimeSpan.FromSeconds(5));
        _line.WakeAt(_clock.GetUtcNow() + TimeSpan.FromSeconds(20));
        Assert.Equal(1, _clock.ActiveTimers);
        _clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal((true, false), (first.IsAwake, second.IsAwake));
    }

    [Fact]
    public void A_time_that_has_passed_wakes_as_soon_as_the_clock_moves()
    {
        using var waiter = _line.Join();
        _line.WakeAt(_clock.GetUtcNow() - TimeSpan.FromHours(1));
        _clock.Advance(TimeSpan.Zero);
        Assert.True(waiter.IsAwake);
    }

    [Fact]
    public void Without_anybody_in_line_there_is_no_timer()
    {
        _line.WakeAt(_clock.GetUtcNow() + TimeSpan.FromSeconds(10));
        Assert.Equal(0, _clock.ActiveTimers);
        using (_line.Join())
        {
            _line.WakeAt(_clock.GetUtcNow() + TimeSpan.FromSeconds(10));
            Assert.Equal(1, _clock.ActiveTimers);
        }

        Assert.Equal(0, _clock.ActiveTimers);
    }
}
