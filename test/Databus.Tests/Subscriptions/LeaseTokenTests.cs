using Databus.Subscriptions;
using FsCheck;
using FsCheck.Fluent;

namespace Databus.Tests.Subscriptions;

public sealed class LeaseTokenTests
{
    private static readonly Config ManyTimes = Config.QuickThrowOnFailure.WithMaxTest(2_000);

    [Fact]
    public void What_is_written_is_read_back() => Check.One(
        ManyTimes,
        Prop.ForAll(ArbMap.Default.ArbFor<DoNotSize<long>>(), ArbMap.Default.ArbFor<DoNotSize<long>>(), (item, fence) =>
        {
            var token = new LeaseToken(item.Item & long.MaxValue, fence.Item);
            return LeaseToken.TryParse(token.ToString(), out var read) && read == token;
        }));

    [Fact]
    public void Any_text_is_read_or_refused_and_never_an_error() => Check.One(
        ManyTimes,
        Prop.ForAll(ArbMap.Default.ArbFor<string?>(), text => !LeaseToken.TryParse(text, out var token) || token.Id >= 0));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("1")]
    [InlineData("1-")]
    [InlineData("-1")]
    [InlineData("1-g")]
    [InlineData("1-0x1")]
    [InlineData("-1-1")]
    [InlineData(" 1-1")]
    [InlineData("1-1 ")]
    [InlineData("1 -1")]
    [InlineData("1-1-1")]
    [InlineData("1-11111111111111111")]
    [InlineData("9223372036854775808-1")]
    public void What_is_no_token_is_refused(string? text) => Assert.False(LeaseToken.TryParse(text, out _));
}
