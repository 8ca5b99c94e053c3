using Databus.Jobs;

namespace Databus.Tests.Jobs;

public sealed class JobTextTests
{
    [Theory]
    [InlineData("abc", 3, "abc")]
    [InlineData("abcd", 3, "ab…")]
    [InlineData("a😀b", 3, "a…")]
    [InlineData("a😀bc", 4, "a😀…")]
    [InlineData("a\0b", 10, "a\uFFFDb")]
    [InlineData("😀", 10, "😀")]
    public void Text_is_cut_between_characters_and_holds_nothing_that_is_none(string text, int longest, string fit) =>
        Assert.Equal(fit, JobText.Fit(text, longest));

    [Fact]
    public void Half_a_character_is_none()
    {
        // Not as data of a theory: an attribute could not hold it.
        Assert.Equal("a\uFFFDb", JobText.Fit("a\uD83Db", 10));
        Assert.Equal("a\uFFFD", JobText.Fit("a\uDE00", 10));
    }

    [Fact]
    public void An_exception_is_its_type_and_message() =>
        Assert.Equal("System.InvalidOperationException: No.", JobText.Describe(new InvalidOperationException("No.")));
}
