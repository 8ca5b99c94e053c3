using Databus.RabbitMq.Sources;

namespace Databus.RabbitMq.Tests.Sources;

public sealed class AckWindowTests
{
    private readonly AckWindow _window = new();

    [Fact]
    public void Those_in_front_are_acknowledged_together()
    {
        Assert.True(_window.Take(1));
        Assert.False(_window.Take(2));
        Assert.False(_window.Take(3));
        AssertNext(3);
        AssertNothing();
    }

    [Fact]
    public void Those_behind_an_open_one_are_acknowledged_one_by_one()
    {
        _window.Take(1);
        _window.Take(3);
        _window.Take(4);
        AssertNext(1, 3, 4);
        AssertNothing();
        Assert.True(_window.Take(2));
        AssertNext(2);
        AssertNothing();
        _window.Take(5);
        AssertNext(5);
    }

    [Fact]
    public void What_was_given_back_is_never_acknowledged()
    {
        _window.Take(1);
        _window.GiveBack(2);
        AssertNext(1);
        AssertNothing();
        _window.GiveBack(3);
        _window.Take(4);
        AssertNext(4);
    }

    [Fact]
    public void Any_order_settles_each_exactly_once()
    {
        var random = new Random(7);
        var unacknowledged = Enumerable.Range(1, 2000).Select(tag => (ulong)tag).ToHashSet();
        var givenBack = new HashSet<ulong>();
        var taken = new HashSet<ulong>();
        foreach (var tag in unacknowledged.OrderBy(tag => tag + (ulong)random.Next(50)).ToList())
        {
            if (random.Next(10) == 0)
            {
                Assert.True(givenBack.Add(tag) && unacknowledged.Remove(tag));
                _window.GiveBack(tag);
                continue;
            }

            taken.Add(tag);
            _window.Take(tag);
            if (random.Next(3) == 0)
                Drain();
        }

        Drain();
        Assert.Empty(unacknowledged);

        // As the broker does it: several up to one that it does not know any more are a mistake that ends the channel.
        void Drain()
        {
            while (_window.TryNext(out var upTo, out var single))
            {
                if (upTo > 0)
                {
                    Assert.Contains(upTo, unacknowledged);
                    Assert.All(unacknowledged.Where(tag => tag <= upTo), tag => Assert.Contains(tag, taken));
                    unacknowledged.RemoveWhere(tag => tag <= upTo);
                }

                Assert.All(single, tag => Assert.True(unacknowledged.Remove(tag) && taken.Contains(tag)));
            }
        }
    }

    private void AssertNext(ulong upTo, params ulong[] single)
    {
        Assert.True(_window.TryNext(out var actual, out var actualSingle));
        Assert.Equal(upTo, actual);
        Assert.Equal(single, actualSingle.Order());
    }

    private void AssertNothing() => Assert.False(_window.TryNext(out _, out _));
}
