using Databus.Destinations;
using Databus.Testing;

namespace Databus.Tests.Destinations;

public sealed class CircuitTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeClock _clock = new();
    private readonly Circuit _circuit;

    public CircuitTests() => _circuit = new Circuit(_clock);

    [Fact]
    public void Closed_it_asks_for_no_wait()
    {
        Assert.Null(_circuit.Outage);
        Assert.Equal(TimeSpan.Zero, _circuit.Enter().Wait);
        Assert.False(_circuit.Close(_circuit.Enter().Round));
    }

    [Fact]
    public void Each_failed_trial_doubles_the_wait_up_to_a_minute()
    {
        for (var failures = 1; failures <= 12; failures++)
        {
            Assert.Equal(failures == 1, Open());
            var expected = Math.Min(Math.Pow(2, failures - 1), 60) * Second;
            Assert.InRange(_circuit.Enter().Wait, expected * 0.8, expected * 1.2);
            _clock.Advance(_circuit.Enter().Wait);
            Assert.Equal(TimeSpan.Zero, _circuit.Enter().Wait);
        }
    }

    [Fact]
    public void Closed_by_a_trial_it_begins_with_the_shortest_wait_again()
    {
        Open();
        Open();
        Open();
        Assert.True(_circuit.Close(_circuit.Enter().Round));
        Assert.Null(_circuit.Outage);
        Assert.Equal(TimeSpan.Zero, _circuit.Enter().Wait);
        Assert.True(Open());
        Assert.InRange(_circuit.Enter().Wait, Second * 0.8, Second * 1.2);
    }

    [Fact]
    public void When_something_got_through_the_waits_begin_anew()
    {
        Open();
        Open();
        Open();
        _circuit.Open(_circuit.Enter().Round, "down", tookSome: true, retryAfter: null);
        Assert.InRange(_circuit.Enter().Wait, Second * 0.8, Second * 1.2);
    }

    [Fact]
    public void The_other_side_may_ask_for_more_patience_but_not_for_ever()
    {
        _circuit.Open(_circuit.Enter().Round, "slow down", tookSome: false, TimeSpan.FromMinutes(7));
        Assert.Equal(TimeSpan.FromMinutes(7), _circuit.Enter().Wait);
        _circuit.Open(_circuit.Enter().Round, "slow down", tookSome: false, TimeSpan.MaxValue);
        Assert.Equal(TimeSpan.FromDays(1), _circuit.Enter().Wait);
        _circuit.Open(_circuit.Enter().Round, "slow down", tookSome: false, TimeSpan.FromSeconds(-5));
        Assert.InRange(_circuit.Enter().Wait, Second * 3.2, Second * 4.8);
    }

    [Fact]
    public void Sends_that_were_under_way_when_it_opened_count_once_and_do_not_close_it()
    {
        var before = _circuit.Enter().Round;
        Open();
        var wait = _circuit.Enter().Wait;
        Assert.False(_circuit.Open(before, "down too", tookSome: false, retryAfter: null));
        Assert.Equal(wait, _circuit.Enter().Wait);
        Assert.False(_circuit.Close(before));
        Assert.NotNull(_circuit.Outage);

        // But what the other side asks for holds.
        _circuit.Open(before, "slow down", tookSome: false, TimeSpan.FromMinutes(1));
        Assert.Equal(TimeSpan.FromMinutes(1), _circuit.Enter().Wait);
    }

    [Fact]
    public void A_send_from_before_an_outage_that_is_over_says_nothing()
    {
        var before = _circuit.Enter().Round;
        Open();
        _circuit.Close(_circuit.Enter().Round);
        Assert.False(_circuit.Open(before, "down", tookSome: false, retryAfter: null));
        Assert.Null(_circuit.Outage);
    }

    [Fact]
    public void An_outage_knows_when_it_began_and_its_latest_reason()
    {
        var began = _clock.GetUtcNow();
        Open();
        _clock.Advance(TimeSpan.FromHours(1));
        _circuit.Open(_circuit.Enter().Round, "still down", tookSome: false, retryAfter: null);
        Assert.Equal(new Outage(began, "still down"), _circuit.Outage);
    }

    private bool Open() => _circuit.Open(_circuit.Enter().Round, "down", tookSome: false, retryAfter: null);
}
