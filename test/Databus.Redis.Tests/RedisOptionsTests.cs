namespace Databus.Redis.Tests;

public sealed class RedisOptionsTests
{
    [Theory]
    [InlineData("localhost")]
    [InlineData("localhost:6379")]
    [InlineData("redis.example.org:6379,password=s3cret,ssl=true,defaultDatabase=1")]
    public void Right_ones(string configuration) => Assert.Null(new RedisOptions { Configuration = configuration }.FindMistake());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("password=s3cret")]
    [InlineData("localhost:6379,ssl=s3cret")]
    [InlineData("localhost:6379,s3cret=1")]
    [InlineData("localhost:6379,defaultDatabase=s3cret")]
    public void A_mistake_is_told_without_what_was_written(string? configuration)
    {
        var mistake = new RedisOptions { Configuration = configuration }.FindMistake();
        Assert.NotNull(mistake);
        Assert.DoesNotContain("s3cret", mistake, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void Patience_has_its_limits(int milliseconds) =>
        Assert.NotNull(new RedisOptions { Configuration = "localhost", ReadTimeout = TimeSpan.FromMilliseconds(milliseconds) }.FindMistake());
}
