using System.Text;
using Databus.Json;

namespace Databus.Tests.Json;

public sealed class KeyPointersTests
{
    [Theory]
    [InlineData("""{"ad_id":5668626895}""", "5668626895")]
    [InlineData("""{"\u0061d_id" : 5668626895.0 }""", "5668626895")]
    [InlineData("""{"ad_id":"\u0061bc"}""", "\"abc\"")]
    [InlineData("""{"ad_id":{"b":1,"a":[true, null]}}""", """{"a":[true,null],"b":1}""")]
    [InlineData("""{"ad_id":null}""", "null")]
    public void One_pointer_gives_the_canonical_text_of_its_value(string json, string key) =>
        Assert.Equal(key, Key(json, out _, "/ad_id"));

    [Fact]
    public void Several_pointers_give_an_array_of_their_values() =>
        Assert.Equal("""["a",1,{}]""", Key("""{"n":1.0,"s":"a","x":[0,{ }]}""", out _, "/s", "/n", "/x/1"));

    [Fact]
    public void A_missing_value_is_an_error_that_names_the_pointer()
    {
        Assert.Null(Key("""{"s":"a"}""", out var error, "/s", "/address/id"));
        Assert.Equal(JsonErrorKind.KeyMissing, error!.Kind);
        Assert.Contains("/address/id", error.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KeyPointers.MaxKeyBytes - 2, true)]
    [InlineData(KeyPointers.MaxKeyBytes - 1, false)]
    [InlineData(KeyPointers.MaxKeyBytes * 100, false)]
    public void A_key_has_a_limited_length(int characters, bool accepted)
    {
        var key = Key($$"""{"s":"{{new string('a', characters)}}"}""", out var error, "/s");
        Assert.Equal(accepted, key is not null);
        if (!accepted)
        {
            Assert.Equal(JsonErrorKind.KeyTooLong, error!.Kind);
            Assert.Contains("1024", error.Detail, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_brackets_of_an_array_count_too()
    {
        var json = $$"""{"n":1,"s":"{{new string('é', 509)}}"}""";
        Assert.Equal(KeyPointers.MaxKeyBytes, Encoding.UTF8.GetByteCount(Key(json, out _, "/s", "/n")!));
        Assert.Null(Key(json.Replace("\"n\":1", "\"n\":12", StringComparison.Ordinal), out var error, "/s", "/n"));
        Assert.Equal(JsonErrorKind.KeyTooLong, error!.Kind);
    }

    [Fact]
    public void A_rule_needs_valid_and_different_pointers()
    {
        Assert.False(KeyPointers.TryParse([], out _, out _));
        Assert.False(KeyPointers.TryParse(["id"], out _, out _));
        Assert.False(KeyPointers.TryParse(["/id", "/id"], out _, out _));
        Assert.False(KeyPointers.TryParse([.. Enumerable.Range(0, 17).Select(i => $"/{i}")], out _, out _));
        Assert.True(KeyPointers.TryParse([.. Enumerable.Range(0, 16).Select(i => $"/{i}")], out _, out _));
    }

    private static string? Key(string json, out JsonError? error, params string[] texts)
    {
        Assert.True(KeyPointers.TryParse(texts, out var pointers, out _));
        Assert.True(ItemContent.TryParse(Encoding.UTF8.GetBytes(json), out var content, out _));
        return pointers.TryGetKey(content, out var key, out error) ? key : null;
    }
}
