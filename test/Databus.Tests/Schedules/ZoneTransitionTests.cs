using System.Globalization;
using Databus.Schedules;

namespace Databus.Tests.Schedules;

/// <summary>Every tick around the moments at which clocks were put forward or back. Times are written with their offset, as people saw them.</summary>
public sealed class ZoneTransitionTests
{
    [Theory]

    // Berlin, forward by an hour: 29 March 2026, 2:00 becomes 3:00.
    [InlineData("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00 2026-03-30T02:30+02:00")]
    [InlineData("Europe/Berlin", "0 3 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00 2026-03-30T03:00+02:00")]
    [InlineData("Europe/Berlin", "0,15,30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00 2026-03-30T02:00+02:00")]
    [InlineData("Europe/Berlin", "30 1,2,3 * * *", "2026-03-28T12:00+01:00", "2026-03-29T01:30+01:00 2026-03-29T03:00+02:00 2026-03-29T03:30+02:00 2026-03-30T01:30+02:00")]
    [InlineData("Europe/Berlin", "15 30 2 29 3 *", "2026-01-01T00:00+01:00", "2026-03-29T03:00+02:00 2027-03-29T02:30:15+02:00")]
    [InlineData("Europe/Berlin", "*/30 * * * *", "2026-03-29T01:00+01:00", "2026-03-29T01:30+01:00 2026-03-29T03:00+02:00 2026-03-29T03:30+02:00 2026-03-29T04:00+02:00")]
    [InlineData("Europe/Berlin", "15 * * * *", "2026-03-29T01:00+01:00", "2026-03-29T01:15+01:00 2026-03-29T03:15+02:00 2026-03-29T04:15+02:00")]
    [InlineData("Europe/Berlin", "0 */2 * * *", "2026-03-29T00:00+01:00", "2026-03-29T03:00+02:00 2026-03-29T04:00+02:00 2026-03-29T06:00+02:00")]
    [InlineData("Europe/Berlin", "*/30 2 * * *", "2026-03-28T12:00+01:00", "2026-03-29T03:00+02:00 2026-03-29T03:30+02:00 2026-03-30T02:00+02:00")]

    // Berlin, back by an hour: 25 October 2026, 3:00 becomes 2:00.
    [InlineData("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00+02:00", "2026-10-25T02:30+02:00 2026-10-26T02:30+01:00")]
    [InlineData("Europe/Berlin", "0 3 * * *", "2026-10-24T12:00+02:00", "2026-10-25T03:00+01:00 2026-10-26T03:00+01:00")]
    [InlineData("Europe/Berlin", "0 2 * * *", "2026-10-24T12:00+02:00", "2026-10-25T02:00+02:00 2026-10-26T02:00+01:00")]
    [InlineData("Europe/Berlin", "30 1,2,3 * * *", "2026-10-25T00:00+02:00", "2026-10-25T01:30+02:00 2026-10-25T02:30+02:00 2026-10-25T03:30+01:00 2026-10-26T01:30+01:00")]
    [InlineData("Europe/Berlin", "30 2 * * *", "2026-10-25T02:10+01:00", "2026-10-26T02:30+01:00")]
    [InlineData("Europe/Berlin", "*/30 * * * *", "2026-10-25T01:30+02:00", "2026-10-25T02:00+02:00 2026-10-25T02:30+02:00 2026-10-25T02:00+01:00 2026-10-25T02:30+01:00 2026-10-25T03:00+01:00")]
    [InlineData("Europe/Berlin", "0 * * * *", "2026-10-25T01:00+02:00", "2026-10-25T02:00+02:00 2026-10-25T02:00+01:00 2026-10-25T03:00+01:00")]
    [InlineData("Europe/Berlin", "*/30 2 * * *", "2026-10-25T00:00+02:00", "2026-10-25T02:00+02:00 2026-10-25T02:30+02:00 2026-10-25T02:00+01:00 2026-10-25T02:30+01:00 2026-10-26T02:00+01:00")]

    // New York: 8 March and 1 November 2026.
    [InlineData("America/New_York", "30 2 * * *", "2026-03-07T12:00-05:00", "2026-03-08T03:00-04:00 2026-03-09T02:30-04:00")]
    [InlineData("America/New_York", "30 1 * * *", "2026-10-31T12:00-04:00", "2026-11-01T01:30-04:00 2026-11-02T01:30-05:00")]
    [InlineData("America/New_York", "*/20 1 * * *", "2026-11-01T00:00-04:00", "2026-11-01T01:00-04:00 2026-11-01T01:20-04:00 2026-11-01T01:40-04:00 2026-11-01T01:00-05:00 2026-11-01T01:20-05:00 2026-11-01T01:40-05:00 2026-11-02T01:00-05:00")]

    // Lord Howe Island, by half an hour: 4 October 2026, 2:00 becomes 2:30; 5 April 2026, 2:00 becomes 1:30.
    [InlineData("Australia/Lord_Howe", "15 2 * * *", "2026-10-03T12:00+10:30", "2026-10-04T02:30+11:00 2026-10-05T02:15+11:00")]
    [InlineData("Australia/Lord_Howe", "45 2 * * *", "2026-10-03T12:00+10:30", "2026-10-04T02:45+11:00 2026-10-05T02:45+11:00")]
    [InlineData("Australia/Lord_Howe", "*/30 * * * *", "2026-10-04T01:00+10:30", "2026-10-04T01:30+10:30 2026-10-04T02:30+11:00 2026-10-04T03:00+11:00")]
    [InlineData("Australia/Lord_Howe", "45 1 * * *", "2026-04-04T12:00+11:00", "2026-04-05T01:45+11:00 2026-04-06T01:45+10:30")]
    [InlineData("Australia/Lord_Howe", "15 1 * * *", "2026-04-04T12:00+11:00", "2026-04-05T01:15+11:00 2026-04-06T01:15+10:30")]
    [InlineData("Australia/Lord_Howe", "*/15 * * * *", "2026-04-05T01:30+11:00", "2026-04-05T01:45+11:00 2026-04-05T01:30+10:30 2026-04-05T01:45+10:30 2026-04-05T02:00+10:30")]

    // São Paulo put its clocks forward at midnight: 4 November 2018, 0:00 becomes 1:00; back on 18 February 2018, 0:00 becomes 23:00.
    [InlineData("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00-03:00", "2018-11-04T01:00-02:00 2018-11-05T00:00-02:00")]
    [InlineData("America/Sao_Paulo", "30 23 * * *", "2018-02-17T12:00-02:00", "2018-02-17T23:30-02:00 2018-02-18T23:30-03:00")]
    [InlineData("America/Sao_Paulo", "0 0 * * *", "2018-02-17T12:00-02:00", "2018-02-18T00:00-03:00 2018-02-19T00:00-03:00")]
    [InlineData("America/Sao_Paulo", "30 * * * *", "2018-02-17T23:00-02:00", "2018-02-17T23:30-02:00 2018-02-17T23:30-03:00 2018-02-18T00:30-03:00")]
    [InlineData("America/Sao_Paulo", "0 0 * * *", "2019-11-02T12:00-03:00", "2019-11-03T00:00-03:00 2019-11-04T00:00-03:00")]

    // Casablanca goes back for Ramadan: 19 March 2023, 3:00 becomes 2:00; 23 April 2023, 2:00 becomes 3:00.
    [InlineData("Africa/Casablanca", "30 2 * * *", "2023-03-18T12:00+01:00", "2023-03-19T02:30+01:00 2023-03-20T02:30+00:00")]
    [InlineData("Africa/Casablanca", "30 2 * * *", "2023-04-22T12:00+00:00", "2023-04-23T03:00+01:00 2023-04-24T02:30+01:00")]
    [InlineData("Africa/Casablanca", "0 12 19 3,4 *", "2023-03-01T00:00+01:00", "2023-03-19T12:00+00:00 2023-04-19T12:00+00:00")]
    [InlineData("Africa/Casablanca", "0 12 1 2,6 *", "2023-02-02T00:00+01:00", "2023-06-01T12:00+01:00")]

    // Tehran, at midnight: 22 March 2022, 0:00 becomes 1:00; 22 September 2022, 0:00 becomes 23:00, for the last time.
    [InlineData("Asia/Tehran", "0 0 * * *", "2022-03-21T12:00+03:30", "2022-03-22T01:00+04:30 2022-03-23T00:00+04:30")]
    [InlineData("Asia/Tehran", "30 23 * * *", "2022-09-21T12:00+04:30", "2022-09-21T23:30+04:30 2022-09-22T23:30+03:30")]
    [InlineData("Asia/Tehran", "0 0 * * *", "2023-03-21T12:00+03:30", "2023-03-22T00:00+03:30 2023-03-23T00:00+03:30")]

    // Apia left out 30 December 2011.
    [InlineData("Pacific/Apia", "0 9 * * *", "2011-12-29T08:00-10:00", "2011-12-29T09:00-10:00 2011-12-31T00:00+14:00 2011-12-31T09:00+14:00")]
    [InlineData("Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00-10:00", "2011-12-31T00:00+14:00 2012-12-30T12:00+14:00")]
    [InlineData("Pacific/Apia", "0 */8 * * *", "2011-12-29T08:00-10:00", "2011-12-29T16:00-10:00 2011-12-31T00:00+14:00 2011-12-31T08:00+14:00 2011-12-31T16:00+14:00")]

    // Kathmandu moved its standard time by a quarter of an hour: 1 January 1986, 0:00 becomes 0:15.
    [InlineData("Asia/Kathmandu", "5 0 * * *", "1985-12-31T12:00+05:30", "1986-01-01T00:15+05:45 1986-01-02T00:05+05:45")]
    [InlineData("Asia/Kathmandu", "0 6 * * *", "2026-06-01T12:00+05:45", "2026-06-02T06:00+05:45 2026-06-03T06:00+05:45")]

    // St. John's put its clocks forward and back at one minute past midnight: 2 April 2006 and 29 October 2006.
    [InlineData("America/St_Johns", "30 0 * * *", "2006-04-01T12:00-03:30", "2006-04-02T01:01-02:30 2006-04-03T00:30-02:30")]
    [InlineData("America/St_Johns", "0 0 * * *", "2006-10-28T12:00-02:30", "2006-10-29T00:00-02:30 2006-10-30T00:00-03:30")]
    [InlineData("America/St_Johns", "30 23 * * *", "2006-10-28T12:00-02:30", "2006-10-28T23:30-02:30 2006-10-29T23:30-03:30")]
    [InlineData("America/St_Johns", "30 2 * * *", "2026-03-07T12:00-03:30", "2026-03-08T03:00-02:30 2026-03-09T02:30-02:30")]

    // Troll station jumps by two hours: 29 March and 25 October 2026.
    [InlineData("Antarctica/Troll", "30 1,2 * * *", "2026-03-28T12:00+00:00", "2026-03-29T03:00+02:00 2026-03-30T01:30+02:00")]
    [InlineData("Antarctica/Troll", "30 1,2 * * *", "2026-10-24T12:00+02:00", "2026-10-25T01:30+02:00 2026-10-25T02:30+02:00 2026-10-26T01:30+00:00")]

    // Dublin's winter time is its daylight saving, and that is negative.
    [InlineData("Europe/Dublin", "30 1 * * *", "2026-03-28T12:00+00:00", "2026-03-29T02:00+01:00 2026-03-30T01:30+01:00")]
    [InlineData("Europe/Dublin", "30 1 * * *", "2026-10-24T12:00+01:00", "2026-10-25T01:30+01:00 2026-10-26T01:30+00:00")]
    public void Ticks(string zone, string cron, string after, string expected)
    {
        Assert.True(Timetable.TryRead(ScheduleRule.OfCron(cron, zone), out var timetable, out var mistake), mistake?.Sentence);
        var wanted = expected.Split(' ').Select(At).ToList();
        var found = SchedulePlan.Preview(timetable, At(after), wanted.Count);
        Assert.Equal(wanted.Select(Written), found.Select(Written));

        // From wherever one looks, the next one is the same; and so is the last one.
        for (var i = 0; i + 1 < found.Count; i++)
        {
            var between = found[i] + ((found[i + 1] - found[i]) / 2);
            Assert.Equal(found[i + 1], timetable.NextAfter(between));
            Assert.Equal(found[i + 1], timetable.NextAfter(found[i + 1].AddTicks(-1)));
            Assert.Equal(found[i], timetable.LastUntil(between, found[0]));
            Assert.Equal(found[i], timetable.LastUntil(found[i + 1].AddTicks(-1), DateTimeOffset.UnixEpoch));
        }
    }

    [Theory]
    [InlineData("2026-03-29T00:50+00:00")]
    [InlineData("2026-10-25T00:50+00:00")]
    [InlineData("2011-12-30T09:50+00:00")]
    public void Intervals_do_not_care_about_clocks(string around)
    {
        Assert.True(Timetable.TryRead(ScheduleRule.OfInterval(TimeSpan.FromMinutes(7)), out var timetable, out _));
        var ticks = SchedulePlan.Preview(timetable, At(around), 20);
        Assert.All(ticks.Zip(ticks.Skip(1)), pair => Assert.Equal(TimeSpan.FromMinutes(7), pair.Second - pair.First));
        Assert.All(ticks, tick => Assert.Equal(0, (tick - DateTimeOffset.UnixEpoch).Ticks % TimeSpan.FromMinutes(7).Ticks));
        Assert.InRange(ticks[0] - At(around), TimeSpan.FromTicks(1), TimeSpan.FromMinutes(7));
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private static string Written(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
