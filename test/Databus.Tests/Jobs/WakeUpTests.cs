using Databus.Jobs;
using Databus.Testing;

namespace Databus.Tests.Jobs;

public sealed class WakeUpTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeClock _clock = new();
    private readonly WakeUp _wakeUp;

    public WakeUpTests()
    {
        _wakeUp = new WakeUp(_clock);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Set_before_the_wait_it_ends_at_once_and_only_once()
    {
        _wakeUp.Set();
        _wakeUp.Set();
        await _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, CancellationToken.None);
        var next = _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, CancellationToken.None);
        Assert.False(next.IsCompleted);
        _wakeUp.Set();
        await next;
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task When_the_time_is_over_the_wait_ends_and_what_comes_then_is_for_the_next()
    {
        var wait = _wakeUp.WaitAsync(Second, CancellationToken.None);
        _clock.Advance(Second);
        await wait;
        _wakeUp.Set();
        await _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, CancellationToken.None);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Less_than_a_millisecond_is_one()
    {
        var wait = _wakeUp.WaitAsync(TimeSpan.FromMilliseconds(0.2), CancellationToken.None);
        _clock.Advance(TimeSpan.FromMilliseconds(0.9));
        Assert.False(wait.IsCompleted);
        _clock.Advance(TimeSpan.FromMilliseconds(0.2));
        await wait;
        await _wakeUp.WaitAsync(TimeSpan.FromMilliseconds(-5), CancellationToken.None);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Cancelled_it_ends_without_an_error()
    {
        using var cancelled = new CancellationTokenSource();
        var wait = _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, cancelled.Token);
        await cancelled.CancelAsync();
        await wait;
    }

    [Fact(Timeout = 60_000)]
    public async Task Nothing_that_was_set_is_missed()
    {
        // Each round the loop has to see what was done before the wake-up.
        const int rounds = 100_000;
        int done = 0, seen = 0;
        var setter = Task.Run(async () =>
        {
            for (var round = 1; round <= rounds; round++)
            {
                Volatile.Write(ref done, round);
                _wakeUp.Set();
                if (round % 100 == 0)
                    await Task.Yield();
            }
        }, CancellationToken.None);
        while (seen < rounds)
        {
            await _wakeUp.WaitAsync(Timeout.InfiniteTimeSpan, CancellationToken.None);
            seen = Volatile.Read(ref done);
        }

        await setter;
    }
}
