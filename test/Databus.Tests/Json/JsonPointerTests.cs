using System.Text;
using Databus.Json;

namespace Databus.Tests.Json;

public sealed class JsonPointerTests
{
    private const string Document =
        """{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":{"\u00e9":[[10,11]],"01":9}}""";

    [Theory]
    [InlineData("/foo", """["bar","baz"]""")]
    [InlineData("/foo/0", "\"bar\"")]
    [InlineData("/foo/1", "\"baz\"")]
    [InlineData("/", "0")]
    [InlineData("/a~1b", "1")]
    [InlineData("/c%d", "2")]
    [InlineData("/e^f", "3")]
    [InlineData("/g|h", "4")]
    [InlineData("/i\\j", "5")]
    [InlineData("/k\"l", "6")]
    [InlineData("/ ", "7")]
    [InlineData("/m~0n", "8")]
    [InlineData("/~01/01", "9")]
    [InlineData("/~01/é/0/1", "11")]
    [InlineData("", Document)]
    public void A_pointer_leads_to_its_value(string path, string value) => Assert.Equal(value, Found(path, Document));

    [Theory]
    [InlineData("/bar")]
    [InlineData("/foo/2")]
    [InlineData("/foo/-")]
    [InlineData("/foo/00")]
    [InlineData("/foo/+1")]
    [InlineData("/foo/99999999999")]
    [InlineData("/foo/0/x")]
    [InlineData("/foo/bar")]
    [InlineData("//")]
    public void A_pointer_to_nothing_finds_nothing(string path) => Assert.Null(Found(path, Document));

    [Theory]
    [InlineData("foo")]
    [InlineData("#/foo")]
    [InlineData("/~")]
    [InlineData("/a~2")]
    [InlineData("/~~0")]
    public void What_is_not_a_pointer_is_refused(string text)
    {
        Assert.False(JsonPointer.TryParse(text, out _, out var error));
        Assert.NotEmpty(error);
    }

    [Fact]
    public void A_pointer_with_half_a_surrogate_pair_is_refused()
    {
        Assert.False(JsonPointer.TryParse("/\ud800", out _, out _));
        Assert.False(JsonPointer.TryParse("\udc00x~", out _, out _));
        Assert.True(JsonPointer.TryParse("/\ud83d\ude02", out _, out _));
    }

    [Fact]
    public void A_pointer_has_a_limited_length()
    {
        Assert.True(JsonPointer.TryParse("/" + new string('a', JsonPointer.MaxLength - 1), out _, out _));
        Assert.False(JsonPointer.TryParse("/" + new string('a', JsonPointer.MaxLength), out _, out _));
    }

    private static string? Found(string text, string json)
    {
        Assert.True(JsonPointer.TryParse(text, out var pointer, out var error), error);
        return pointer.TryFind(Encoding.UTF8.GetBytes(json), out var value) ? Encoding.UTF8.GetString(value) : null;
    }
}
