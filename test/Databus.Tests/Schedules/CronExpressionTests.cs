using System.Globalization;
using Databus.Schedules;

namespace Databus.Tests.Schedules;

public sealed class CronExpressionTests
{
    [Theory]
    [InlineData("*/15 * * * *", "2026-03-01 12:00", "12:15 12:30 12:45 13:00")]
    [InlineData("5/20 9 * * *", "2026-03-01 09:00", "09:05 09:25 09:45")]
    [InlineData("10-20/5,50 8 * * *", "2026-03-01 08:00", "08:10 08:15 08:20 08:50")]
    [InlineData("*/20 30 9 * * *", "2026-03-01 09:30", "09:30:20 09:30:40")]
    [InlineData("0 0,12 * * *", "2026-03-01 00:00", "12:00")]
    [InlineData("@hourly", "2026-03-01 00:00", "01:00 02:00")]
    [InlineData("\t 30   6 * * * ", "2026-03-01 00:00", "06:30")]
    public void Times_of_day(string cron, string after, string expected) =>
        Assert.Equal(expected.Split(' '), Next(cron, after, expected.Split(' ').Length).Select(time => time.ToString(time.Second == 0 ? "HH:mm" : "HH:mm:ss", CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("0 0 31 * *", "2026-01-31", "2026-03-31 2026-05-31 2026-07-31 2026-08-31")]
    [InlineData("0 0 L * *", "2026-01-31", "2026-02-28 2026-03-31 2026-04-30")]
    [InlineData("0 0 L 2 *", "2026-01-31", "2026-02-28 2027-02-28 2028-02-29")]
    [InlineData("0 0 1,L * *", "2026-01-31", "2026-02-01 2026-02-28 2026-03-01")]
    [InlineData("0 0 29 2 *", "2026-01-01", "2028-02-29 2032-02-29")]
    [InlineData("0 0 29 2 *", "2097-01-01", "2104-02-29")]
    [InlineData("0 0 * * 5L", "2026-01-01", "2026-01-30 2026-02-27 2026-03-27")]
    [InlineData("0 0 * * 1l", "2026-01-01", "2026-01-26 2026-02-23")]
    [InlineData("0 0 * * SUNL", "2026-01-01", "2026-01-25 2026-02-22")]
    [InlineData("0 0 * * 1#2", "2026-01-01", "2026-01-12 2026-02-09")]
    [InlineData("0 0 * * fri#5", "2026-01-01", "2026-01-30 2026-05-29 2026-07-31")]
    [InlineData("0 0 * * 2#1,4#3", "2026-01-01", "2026-01-06 2026-01-15 2026-02-03")]
    [InlineData("0 0 * * 7", "2026-01-01", "2026-01-04 2026-01-11")]
    [InlineData("0 0 * * 0", "2026-01-01", "2026-01-04 2026-01-11")]
    [InlineData("0 0 * * 5-7", "2026-01-01", "2026-01-02 2026-01-03 2026-01-04 2026-01-09")]
    [InlineData("0 0 * * FRI-SUN", "2026-01-01", "2026-01-02 2026-01-03 2026-01-04 2026-01-09")]
    [InlineData("0 0 * * MON-FRI", "2026-01-01", "2026-01-02 2026-01-05")]
    [InlineData("0 0 1 JAN,jul *", "2026-01-01", "2026-07-01 2027-01-01")]
    [InlineData("@daily", "2026-01-01", "2026-01-02 2026-01-03")]
    [InlineData("@weekly", "2026-01-01", "2026-01-04 2026-01-11")]
    [InlineData("@monthly", "2026-01-01", "2026-02-01 2026-03-01")]
    [InlineData("@YEARLY", "2026-01-01", "2027-01-01 2028-01-01")]
    public void Days(string cron, string after, string expected) =>
        Assert.Equal(expected.Split(' '), Next(cron, after, expected.Split(' ').Length).Select(time => time.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)));

    [Theory]
    [InlineData("0 0 13 * 5", "2026-01-29", "2026-01-30 2026-02-06 2026-02-13 2026-02-20")]
    [InlineData("0 0 15 * 5", "2026-01-29", "2026-01-30 2026-02-06 2026-02-13 2026-02-15")]
    [InlineData("0 0 1-31/2 * 5", "2026-02-11", "2026-02-13 2026-02-15 2026-02-17 2026-02-19 2026-02-20")]
    [InlineData("0 0 */2 * 5", "2026-02-11", "2026-02-13 2026-02-27 2026-03-13")]
    [InlineData("0 0 13 * */2", "2026-05-01", "2026-06-13 2026-08-13 2026-09-13")]
    [InlineData("0 0 13 * *", "2026-01-29", "2026-02-13 2026-03-13")]
    [InlineData("0 0 * * 5", "2026-01-29", "2026-01-30 2026-02-06")]
    public void Either_kind_of_day_will_do_unless_one_begins_with_a_star(string cron, string after, string expected) => Days(cron, after, expected);

    [Theory]
    [InlineData("60 * * * *", "Field 1 (minute): '60' is not one of 0 to 59.")]
    [InlineData("* 24 * * *", "Field 2 (hour): '24' is not one of 0 to 23.")]
    [InlineData("* * 0 * *", "Field 3 (day of month): '0' is not one of 1 to 31.")]
    [InlineData("* * * 13 *", "Field 4 (month): '13' is not one of 1 to 12 or JAN to DEC.")]
    [InlineData("* * * * 8", "Field 5 (day of week): '8' is not one of 0 to 7 or SUN to SAT.")]
    [InlineData("61 * * * * *", "Field 1 (second): '61' is not one of 0 to 59.")]
    [InlineData("0 * 24 * * *", "Field 3 (hour): '24' is not one of 0 to 23.")]
    [InlineData("*/0 * * * *", "Field 1 (minute): the step in '*/0' is not one of 1 to 59.")]
    [InlineData("*/60 * * * *", "Field 1 (minute): the step in '*/60' is not one of 1 to 59.")]
    [InlineData("*/ * * * *", "Field 1 (minute): the step in '*/' is not one of 1 to 59.")]
    [InlineData("* 22-2 * * *", "Field 2 (hour): the range '22-2' goes backwards; within 0 to 23 it is written as two.")]
    [InlineData("1,,2 * * * *", "Field 1 (minute): something is missing beside a comma; it takes 0 to 59.")]
    [InlineData("1-x * * * *", "Field 1 (minute): 'x' is not one of 0 to 59.")]
    [InlineData("-1 * * * *", "Field 1 (minute): '' is not one of 0 to 59.")]
    [InlineData("+1 * * * *", "Field 1 (minute): '+1' is not one of 0 to 59.")]
    [InlineData("99999999999 * * * *", "Field 1 (minute): '99999999999' is not one of 0 to 59.")]
    [InlineData("0 0 ? * *", "Field 3 (day of month): '?' is not known here; write * for any.")]
    [InlineData("0 0 * * 1#6", "Field 5 (day of week): after # in '1#6' stands which one of the month, 1 to 5.")]
    [InlineData("0 0 * * #1", "Field 5 (day of week): '#1' names no day before its #; it takes 0 to 7 or SUN to SAT, as in 1#2 for the second Monday.")]
    [InlineData("0 0 * * L", "Field 5 (day of week): 'L' names no day before its L; it takes 0 to 7 or SUN to SAT, as in 5L for the last Friday.")]
    [InlineData("0 L * * *", "Field 2 (hour): 'L' is not one of 0 to 23.")]
    [InlineData("0 0 15W * *", "Field 3 (day of month): '15W' is not one of 1 to 31.")]
    [InlineData("* * * *", "A cron expression has five fields (minute hour day-of-month month day-of-week), or six with seconds in front; this one has 4.")]
    [InlineData("0 0 0 1 1 ? 2026", "A cron expression has five fields (minute hour day-of-month month day-of-week), or six with seconds in front; this one has 7.")]
    [InlineData("", "A cron expression has five fields (minute hour day-of-month month day-of-week), or six with seconds in front; this one has 0.")]
    [InlineData("@sometimes", "'@sometimes' is not one of @hourly, @daily, @weekly, @monthly, @yearly.")]
    [InlineData("0 0 30 2 *", "'0 0 30 2 *' never comes: no month has such a day (fields 3 and 4, day of month and month).")]
    [InlineData("0 0 0 31 4,6,9,11 *", "'0 0 0 31 4,6,9,11 *' never comes: no month has such a day (fields 4 and 5, day of month and month).")]
    public void A_mistake_is_named_with_its_field_position_and_range(string cron, string sentence)
    {
        Assert.False(CronExpression.TryParse(cron, out _, out var mistake));
        Assert.Equal(sentence, mistake);
    }

    [Fact]
    public void One_without_end_is_not_even_looked_at()
    {
        Assert.False(CronExpression.TryParse(new string('*', CronExpression.MaxLength + 1), out _, out var mistake));
        Assert.Equal("A cron expression has at most 200 characters.", mistake);
        Assert.False(CronExpression.TryParse(text: null, out _, out _));
    }

    [Fact]
    public void A_rare_day_is_found_and_a_day_that_is_rarer_than_a_life_too()
    {
        Assert.Equal(new DateTime(2104, 2, 29), Next("0 0 29 2 *", "2096-03-01", 1).Single());

        // A fifth Sunday in February, across 2100, which is no leap year.
        Assert.Equal([new DateTime(2088, 2, 29), new DateTime(2128, 2, 29)], Next("0 0 * 2 0#5", "2084-01-01", 2));
    }

    [Fact]
    public void What_is_asked_before_the_epoch_or_at_the_end_of_time_has_an_answer()
    {
        var daily = Parse("0 0 * * *");
        Assert.Equal(DateTimeOffset.UnixEpoch, daily.NextAfter(DateTimeOffset.MinValue, TimeZoneInfo.Utc));
        Assert.Null(daily.NextAfter(DateTimeOffset.MaxValue, TimeZoneInfo.Utc));
        Assert.Null(daily.NextAfter(new DateTimeOffset(9900, 1, 1, 0, 0, 0, TimeSpan.Zero), TimeZoneInfo.Utc));
    }

    [Fact]
    public void It_is_strictly_after_however_little() => Assert.Multiple(
        () => Assert.Equal(At("2026-03-01 12:15"), Parse("*/15 * * * *").NextAfter(At("2026-03-01 12:00"), TimeZoneInfo.Utc)),
        () => Assert.Equal(At("2026-03-01 12:00"), Parse("*/15 * * * *").NextAfter(At("2026-03-01 12:00").AddTicks(-1), TimeZoneInfo.Utc)),
        () => Assert.Equal(At("2026-03-01 12:15"), Parse("*/15 * * * *").NextAfter(At("2026-03-01 12:00").AddTicks(1), TimeZoneInfo.Utc)));

    internal static CronExpression Parse(string cron)
    {
        Assert.True(CronExpression.TryParse(cron, out var expression, out var mistake), mistake);
        return expression;
    }

    private static DateTimeOffset At(string utc) => DateTimeOffset.Parse(utc, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static List<DateTime> Next(string cron, string after, int count)
    {
        var expression = Parse(cron);
        var times = new List<DateTime>();
        for (var time = At(after); times.Count < count; times.Add(time.UtcDateTime))
            time = expression.NextAfter(time, TimeZoneInfo.Utc)!.Value;
        return times;
    }
}
