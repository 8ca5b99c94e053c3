using System.Globalization;
using System.Text;
using Databus.Json;
using Databus.Testing;

namespace Databus.Tests.Json;

public sealed class CanonicalJsonTests
{
    public static TheoryData<string> Vectors => [.. SharedData.FileNames("json/jcs/input")];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void The_vectors_of_RFC_8785_come_out_byte_for_byte(string file)
    {
        Assert.True(CanonicalJson.TryGet(SharedData.Bytes($"json/jcs/input/{file}"), out var canonical, out _));

        var hex = string.Concat(SharedData.Lines($"json/jcs/outhex/{Path.ChangeExtension(file, "txt")}")).Replace(" ", "", StringComparison.Ordinal);
        Assert.Equal(SharedData.Bytes($"json/jcs/output/{file}"), canonical);
        Assert.Equal(Convert.FromHexString(hex), canonical);
    }

    [Fact]
    public void Numbers_are_written_as_ECMAScript_writes_them()
    {
        var lines = SharedData.Lines("json/jcs/es6-numbers-300.txt");
        Assert.Equal(300, lines.Length);
        foreach (var line in lines)
        {
            var parts = line.Split(',');
            var bits = ulong.Parse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            var literal = BitConverter.UInt64BitsToDouble(bits).ToString("E16", CultureInfo.InvariantCulture);
            Assert.Equal(parts[1], Canonical(literal));
        }
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("0e9999999999", "0")]
    [InlineData("1e-9999999999", "0")]
    [InlineData("1.0", "1")]
    [InlineData("790e0", "790")]
    [InlineData("-12.50", "-12.5")]
    [InlineData("0.000001", "0.000001")]
    [InlineData("0.0000001", "1e-7")]
    [InlineData("-1.5e-7", "-1.5e-7")]
    [InlineData("1E21", "1e+21")]
    [InlineData("100000000000000000000.0", "100000000000000000000")]
    [InlineData("123456789012345", "123456789012345")]
    [InlineData("-999999999999999", "-999999999999999")]
    [InlineData("9007199254740993.0", "9007199254740992")]
    [InlineData("1.7976931348623157e308", "1.7976931348623157e+308")]
    [InlineData("2.98023223876953125e-8", "2.9802322387695312e-8")]
    [InlineData("4.1045368012983762e-289", "4.1045368012983762e-289")]
    public void A_number_has_one_spelling(string literal, string canonical) => Assert.Equal(canonical, Canonical(literal));

    [Fact]
    public void A_number_may_be_spelled_at_any_length() =>
        Assert.Equal("1", Canonical("0." + new string('0', 20_000) + "1e20001"));

    [Theory]
    [InlineData("9007199254740992", "9007199254740992")]
    [InlineData("9007199254740993", "9007199254740993")]
    [InlineData("-9007199254740993", "-9007199254740993")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("12345678901234567890", "12345678901234567890")]
    [InlineData("295147905179352830000", "295147905179352830000")]
    [InlineData("295147905179352830001", "295147905179352830001")]
    [InlineData("1000000000000000000000", "1e+21")]
    [InlineData("1000000000000000000001", "1000000000000000000001")]
    public void An_integer_is_not_rounded_to_another_one(string literal, string canonical) =>
        Assert.Equal(canonical, Canonical(literal));

    [Theory]
    [InlineData("1e309")]
    [InlineData("-1e309")]
    [InlineData("1.5e+99999999999")]
    public void A_number_beyond_double_is_refused(string literal) =>
        Assert.Equal(JsonErrorKind.NumberOutOfRange, Refused($"[{literal}]").Kind);

    [Theory]
    [InlineData("""{"\ue000":1,"\ud800\udc00":2}""", "{\"\U00010000\":2,\"\uE000\":1}")]
    [InlineData("""{"\uffff":1,"\udbff\udfff":2,"\ud7ff":3}""", "{\"\uD7FF\":3,\"\U0010FFFF\":2,\"\uFFFF\":1}")]
    [InlineData("""{"abcdefgh\uffff":1,"abcdefgh\ud83d\ude02":2}""", "{\"abcdefgh\U0001F602\":2,\"abcdefgh\uFFFF\":1}")]
    [InlineData("""{"a\u0000":1,"a":2,"":3}""", """{"":3,"a":2,"a\u0000":1}""")]
    [InlineData("""{"\"":1,"#":2,"!":3,"\\":4,"]":5,"[":6}""", """{"!":3,"\"":1,"#":2,"[":6,"\\":4,"]":5}""")]
    [InlineData("""{"\n":1,"\t":2,"\u001f":3," ":4}""", """{"\t":2,"\n":1,"\u001f":3," ":4}""")]
    [InlineData("""{"longer than eight":1,"longer t":2,"longer than":3}""", """{"longer t":2,"longer than":3,"longer than eight":1}""")]
    [InlineData("""{"b":{"d":1,"c":[{"f":2,"e":3}]},"a":0}""", """{"a":0,"b":{"c":[{"e":3,"f":2}],"d":1}}""")]
    [InlineData("""{"a~/":{"b":1,"\u0061":{"z":1,"y":2}},"A":[]}""", """{"A":[],"a~/":{"a":{"y":2,"z":1},"b":1}}""")]
    public void Members_stand_in_the_order_of_their_names_UTF_16_units(string json, string canonical) =>
        Assert.Equal(canonical, Canonical(json));

    [Fact]
    public void Many_members_in_any_order_are_sorted()
    {
        var names = Enumerable.Range(0, 5_000).Select(i => $"the same first bytes {i}").Reverse().ToArray();
        var expected = "{" + string.Join(',', names.Order(StringComparer.Ordinal).Select(name => $"\"{name}\":1")) + "}";
        Assert.Equal(expected, Canonical("{" + string.Join(',', names.Select(name => $"\"{name}\":1")) + "}"));
    }

    [Theory]
    [InlineData("""{"a":1,"a":1}""", "the outermost object")]
    [InlineData("""{"a":1,"b":2,"\u0061":3}""", "the outermost object")]
    [InlineData("""{"":1,"":2}""", "the outermost object")]
    [InlineData("""{"x":1,"list":[0,{"y/~":{"\"":1,"\u0022":2}}]}""", "the object at /list/1/y~1~0")]
    public void A_name_twice_in_an_object_is_refused(string json, string place)
    {
        var error = Refused(json);
        Assert.Equal(JsonErrorKind.DuplicateName, error.Kind);
        Assert.Contains(place, error.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""["\ud800"]""")]
    [InlineData("""["\udc00"]""")]
    [InlineData("""["\udc00\ud800"]""")]
    [InlineData("""["\ud800\ud800\udc00"]""")]
    [InlineData("""["\ud800x"]""")]
    [InlineData("""["\ud800\n"]""")]
    [InlineData("""{"a":1,"\udfff":2}""")]
    [InlineData("""{"\ud83d":{}}""")]
    public void Half_a_surrogate_pair_is_refused(string json) =>
        Assert.Equal(JsonErrorKind.LoneSurrogate, Refused(json).Kind);

    [Theory]
    [InlineData("C0 80")]
    [InlineData("ED A0 80")]
    [InlineData("F4 90 80 80")]
    [InlineData("E2 82")]
    [InlineData("FF")]
    public void Bytes_that_are_not_UTF_8_are_refused(string hex)
    {
        byte[] bytes = [.. "[\""u8, .. Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)), .. "\"]"u8];
        Assert.False(CanonicalJson.TryGet(bytes, out _, out var error));
        Assert.Equal(JsonErrorKind.InvalidUtf8, error.Kind);
        Assert.Contains("from byte 3 on", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void The_place_of_bad_UTF_8_is_found_behind_much_good_text()
    {
        byte[] bytes = [.. Encoding.UTF8.GetBytes("[\"" + string.Concat(Enumerable.Repeat("é😂", 1_000))), 0x80, .. "\"]"u8];
        Assert.False(CanonicalJson.TryGet(bytes, out _, out var error));
        Assert.Contains("from byte 6003 on", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_byte_order_mark_is_refused_and_named()
    {
        var error = Refused("\uFEFF{}");
        Assert.Equal(JsonErrorKind.InvalidJson, error.Kind);
        Assert.Contains("byte order mark", error.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("""{"b":0,"a":""", "}")]
    public void Nesting_is_taken_64_deep_and_refused_65_deep(string open, string close)
    {
        string Nested(int depth) =>
            string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth));

        Assert.True(CanonicalJson.TryGet(Encoding.UTF8.GetBytes(Nested(64)), out _, out _));
        Assert.Equal(JsonErrorKind.TooDeep, Refused(Nested(65)).Kind);
        Assert.Equal(JsonErrorKind.TooDeep, Refused(Nested(100_000)).Kind);
    }

    [Fact]
    public void A_large_text_leaves_nothing_behind_for_the_next()
    {
        var large = "{" + string.Join(',', Enumerable.Range(0, 50_000).Reverse().Select(i => $"\"name {i}\":{i}")) + "}";
        Assert.StartsWith("""{"name 0":0,"name 1":1,"name 10":10,""", Canonical(large), StringComparison.Ordinal);
        Assert.Equal("""{"a":1,"b":2}""", Canonical("""{"b":2,"a":1}"""));
    }

    private static string Canonical(string json)
    {
        Assert.True(CanonicalJson.TryGet(Encoding.UTF8.GetBytes(json), out var canonical, out var error), error?.Detail);
        return Encoding.UTF8.GetString(canonical);
    }

    private static JsonError Refused(string json)
    {
        Assert.False(CanonicalJson.TryGet(Encoding.UTF8.GetBytes(json), out _, out var error));
        return error;
    }
}
