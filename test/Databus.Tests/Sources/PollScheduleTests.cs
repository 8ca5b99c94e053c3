using Databus.Sources;

namespace Databus.Tests.Sources;

public sealed class PollScheduleTests
{
    private static readonly TimeSpan FiveMinutes = TimeSpan.FromMinutes(5);

    [Theory]
    [InlineData(PollOutcome.Read)]
    [InlineData(PollOutcome.NotModified)]
    public void What_went_well_is_polled_again_after_the_interval(PollOutcome outcome) =>
        Assert.Equal(FiveMinutes, PollSchedule.Next(FiveMinutes, new PollResult(outcome), failures: 0, random: 0.9));

    [Fact]
    public void What_is_gone_is_not_polled_again() =>
        Assert.Null(PollSchedule.Next(FiveMinutes, new PollResult(PollOutcome.Gone), failures: 0, random: 0));

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 10)]
    [InlineData(3, 20)]
    [InlineData(7, 320)]
    [InlineData(8, 360)]
    [InlineData(int.MaxValue, 360)]
    public void Each_failure_doubles_the_wait_up_to_six_hours(int failures, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), Failed(FiveMinutes, failures));

    [Fact]
    public void What_failed_together_is_spread_over_a_fifth() =>
        Assert.Equal(FiveMinutes * 1.2, Failed(FiveMinutes, failures: 1, random: 1));

    [Fact]
    public void A_long_interval_is_never_shortened_and_never_overflows()
    {
        foreach (var failures in Enumerable.Range(1, 100))
            Assert.Equal(SourceSettings.LongestInterval, Failed(SourceSettings.LongestInterval, failures));
    }

    [Fact]
    public void The_shortest_interval_still_reaches_the_longest_pause() =>
        Assert.Equal(PollSchedule.LongestBackOff, Failed(SourceSettings.ShortestInterval, failures: 100));

    [Theory]
    [InlineData(PollOutcome.Read)]
    [InlineData(PollOutcome.NotModified)]
    [InlineData(PollOutcome.Failed)]
    public void The_other_side_can_ask_for_more_time_and_not_for_less(PollOutcome outcome)
    {
        var asked = new PollResult(outcome) { NotBefore = TimeSpan.FromHours(1) };
        Assert.Equal(TimeSpan.FromHours(1), PollSchedule.Next(FiveMinutes, asked, failures: 1, random: 0));
        Assert.Equal(FiveMinutes, PollSchedule.Next(FiveMinutes, asked with { NotBefore = TimeSpan.FromSeconds(1) }, failures: 1, random: 0));
    }

    private static TimeSpan? Failed(TimeSpan interval, int failures, double random = 0) =>
        PollSchedule.Next(interval, new PollResult(PollOutcome.Failed), failures, random);
}
