using Databus.Destinations;

namespace Databus.Tests.Destinations;

public sealed class BackOffTests
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(5, 16)]
    [InlineData(10, 512)]
    [InlineData(11, 600)]
    [InlineData(1000, 600)]
    [InlineData(int.MaxValue, 600)]
    public void It_doubles_up_to_the_longest(int failures, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), BackOff.After(failures, First, Longest, random: 0.5));

    [Theory]
    [InlineData(0, 3.2)]
    [InlineData(1, 4.8)]
    public void It_is_spread_by_a_fifth(double random, double seconds) =>
        Assert.Equal(seconds, BackOff.After(3, First, Longest, random).TotalSeconds, tolerance: 0.001);

    [Theory]
    [InlineData(3, 4)]
    [InlineData(30, 30)]
    [InlineData(100_000, 86_400)]
    public void What_the_other_side_asks_for_is_the_least(double asked, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), BackOff.After(3, First, Longest, random: 0.5, TimeSpan.FromSeconds(asked)));
}
