using System.Text.Json;
using Databus.Connectors.Feeds;
using Databus.Connectors.Http;
using Databus.Testing;

namespace Databus.Connectors.Tests.Feeds;

public sealed class FeedDateTests
{
    [Fact]
    public void Every_date_of_the_table_is_read_as_known()
    {
        foreach (var entry in SharedData.Json("web/dates.json").GetProperty("feed").EnumerateArray())
        {
            var utc = entry.GetProperty("utc");
            DateTimeOffset? expected = utc.ValueKind == JsonValueKind.Null ? null : utc.GetDateTimeOffset();
            Assert.Equal(expected, FeedDate.Parse(entry.GetProperty("input").GetString()));
        }
    }

    [Fact]
    public void Every_HTTP_date_of_the_table_is_read_as_known()
    {
        foreach (var entry in SharedData.Json("web/dates.json").GetProperty("http").EnumerateArray())
        {
            var expected = entry.GetProperty("utc").GetDateTimeOffset();
            Assert.Equal(expected, Politeness.HttpDate(entry.GetProperty("input").GetString()));
            Assert.Equal(expected, FeedDate.Parse(entry.GetProperty("input").GetString()));
        }
    }

    [Theory]
    [InlineData("2022-07-26T06:13:52Z", "2022-07-26T06:13:52Z")]
    [InlineData("2022-07-26T08:13:52.5+02:00", "2022-07-26T06:13:52.5Z")]
    [InlineData("2022-07-26 06:13", "2022-07-26T06:13:00Z")]
    [InlineData("20220726T061352Z", "2022-07-26T06:13:52Z")]
    [InlineData("2022-07", "2022-07-01T00:00:00Z")]
    [InlineData("2022-07-26T24:00:00Z", "2022-07-27T00:00:00Z")]
    [InlineData("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z")]
    [InlineData("Tue, 26 Jul 2022 06:13:52 GMT", "2022-07-26T06:13:52Z")]
    [InlineData("26 July 2022 06:13 EST", "2022-07-26T11:13:00Z")]
    [InlineData("Tue, 26 Jul 2022 06:13:52 +0530", "2022-07-26T00:43:52Z")]
    [InlineData("Tues, 26-Jul-22 06:13:52 -05:00", "2022-07-26T11:13:52Z")]
    [InlineData("Tue, 26 Jul 2022 06:13:52 GMT+2", "2022-07-26T04:13:52Z")]
    [InlineData("July 26, 2022 06:13:52 +0000", "2022-07-26T06:13:52Z")]
    [InlineData("Tue Jul 26 06:13:52 UTC 2022", "2022-07-26T06:13:52Z")]
    [InlineData("2022/07/26 06:13", "2022-07-26T06:13:00Z")]
    public void Common_spellings_are_read(string text, string utc) =>
        Assert.Equal(DateTimeOffset.Parse(utc), FeedDate.Parse(text));

    [Theory]
    [InlineData(null)]
    [InlineData("yesterday")]
    [InlineData("2022-13-01")]
    [InlineData("2022-02-30T00:00:00Z")]
    [InlineData("0000-01-01")]
    [InlineData("9999-12-31T23:59:59-14:00")]
    [InlineData("0001-01-01T00:00:00+14:00")]
    [InlineData("Tue, 26 Jul 2022 06:13:52 +9900")]
    [InlineData("Tue, 26 Jul 2022 06:13:52 Nowhere")]
    [InlineData("99999999999999999999")]
    public void What_is_no_date_is_null(string? text) => Assert.Null(FeedDate.Parse(text));
}
