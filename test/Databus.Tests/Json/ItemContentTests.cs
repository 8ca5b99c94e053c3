using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Databus.Json;
using Databus.Testing;

namespace Databus.Tests.Json;

public sealed class ItemContentTests
{
    public static TheoryData<string> ParsingFiles => [.. SharedData.FileNames("json/parsing")];

    [Fact]
    public void Every_spelling_of_an_ad_has_the_expected_hash()
    {
        using var expected = JsonDocument.Parse(SharedData.Bytes("listings/dedup-stream-500.expected.json"));
        var lines = SharedData.Lines("listings/dedup-stream-500.jsonl");
        Assert.Equal(500, lines.Length);

        var index = 0;
        var digests = new HashSet<ContentDigest>();
        foreach (var line in expected.RootElement.GetProperty("lines").EnumerateArray())
        {
            var content = Parsed(lines[index++]);
            Assert.Equal(line.GetProperty("sha256OfCanonicalJson").GetString(), content.Digest.ToString());
            Assert.Equal(line.GetProperty("duplicateOfLine").ValueKind == JsonValueKind.Null, digests.Add(content.Digest));
        }

        Assert.Equal(313, digests.Count);
    }

    [Fact]
    public void Ten_thousand_different_ads_have_different_hashes() =>
        Assert.Equal(
            10_000,
            SharedData.Lines("listings/apartments-us-10k.jsonl").Select(line => Parsed(line).Digest).Distinct().Count());

    [Theory]
    [MemberData(nameof(ParsingFiles))]
    public void Every_parsing_corner_case_is_taken_or_refused_with_a_sentence(string file)
    {
        var bytes = SharedData.Bytes($"json/parsing/{file}");
        var accepted = ItemContent.TryParse(bytes, out _, out var error);

        Assert.NotEqual(accepted, error is not null);
        if (file.StartsWith("n_", StringComparison.Ordinal))
            Assert.Equal("Invalid JSON format", error!.Sentence);
        if (file.StartsWith("y_", StringComparison.Ordinal))
        {
            Assert.True(CanonicalJson.TryGet(bytes, out _, out _));
            Assert.True(error is null or { Kind: JsonErrorKind.NotAnObject or JsonErrorKind.EmptyContent });
        }
    }

    [Theory]
    [InlineData("", JsonErrorKind.EmptyContent, "Content is required")]
    [InlineData(" \r\n\t", JsonErrorKind.EmptyContent, "Content is required")]
    [InlineData("{}", JsonErrorKind.EmptyContent, "Content is required")]
    [InlineData(" { } ", JsonErrorKind.EmptyContent, "Content is required")]
    [InlineData("[]", JsonErrorKind.NotAnObject, "JSON object expected, got list")]
    [InlineData("[{\"a\":1}]", JsonErrorKind.NotAnObject, "JSON object expected, got list")]
    [InlineData("\"a\"", JsonErrorKind.NotAnObject, "JSON object expected, got string")]
    [InlineData("12.5", JsonErrorKind.NotAnObject, "JSON object expected, got number")]
    [InlineData("true", JsonErrorKind.NotAnObject, "JSON object expected, got boolean")]
    [InlineData("false", JsonErrorKind.NotAnObject, "JSON object expected, got boolean")]
    [InlineData("null", JsonErrorKind.NotAnObject, "JSON object expected, got null")]
    [InlineData("{", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("{\"a\":1}{}", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("{\"a\":1,}", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("{\"a\":1}// end", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("{\"a\":NaN}", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("{\"a\":\"\n\"}", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    [InlineData("not json", JsonErrorKind.InvalidJson, "Invalid JSON format")]
    public void What_is_not_an_object_is_refused_in_the_reference_systems_words(string text, object kind, string sentence)
    {
        Assert.False(ItemContent.TryParse(Encoding.UTF8.GetBytes(text), out _, out var error));
        Assert.Equal(kind, error.Kind);
        Assert.Equal(sentence, error.Sentence);
        Assert.NotEmpty(error.Detail);
    }

    [Fact]
    public void A_syntax_error_is_located()
    {
        Assert.False(ItemContent.TryParse("{\"a\":1,\n \"b\" 2}"u8, out _, out var error));
        Assert.StartsWith("Line 2, byte 6: ", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_stays_short_and_without_control_characters_whatever_was_sent()
    {
        var name = "\\n" + new string('x', 198) + "😂" + new string('x', 100_000);
        foreach (var text in new[] { $"{{\"{name}\":1,\"{name}\":2}}", "{\"a\":tr\u001b[31m\nue}" })
        {
            Assert.False(ItemContent.TryParse(Encoding.UTF8.GetBytes(text), out _, out var error));
            Assert.InRange(error.Detail.Length, 1, 500);
            Assert.DoesNotContain(error.Detail, char.IsControl);
        }
    }

    [Theory]
    [InlineData("{\"b\":1,\"a\":\" \"}", "{\"b\":1,\"a\":\" \"}")]
    [InlineData(" {\r\n\t\"b\" : [ 1.50 , -0 , 1E2 , [ ] , { } ] ,\n\"a\":\" \\u0041\\/\\\" \" } ", "{\"b\":[1.50,-0,1E2,[],{}],\"a\":\" \\u0041\\/\\\" \"}")]
    public void Content_is_kept_as_it_was_sent_without_white_space(string sent, string kept) =>
        Assert.Equal(kept, Encoding.UTF8.GetString(Parsed(sent).Utf8));

    [Fact]
    public void The_digest_is_the_SHA_256_of_the_canonical_form()
    {
        var digest = Parsed("{\"b\":1.0,\"a\":\"\\u0041\"}").Digest;
        var expected = SHA256.HashData("{\"a\":\"A\",\"b\":1}"u8);

        var bytes = new byte[ContentDigest.Size];
        digest.WriteTo(bytes);
        Assert.Equal(expected, bytes);
        Assert.Equal(Convert.ToHexStringLower(expected), digest.ToString());
    }

    [Fact]
    public void An_ad_costs_no_memory_but_its_own_bytes()
    {
        const int ArrayHeader = 24;
        var ad = Encoding.UTF8.GetBytes(SharedData.Lines("listings/apartments-us-10k.jsonl")[0]);
        Assert.True(ItemContent.TryParse(ad, out _, out _));

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(ItemContent.TryParse(ad, out var content, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, content.Utf8.Length + ArrayHeader + 8);
    }

    private static ItemContent Parsed(string json)
    {
        Assert.True(ItemContent.TryParse(Encoding.UTF8.GetBytes(json), out var content, out var error), error?.Detail);
        return content;
    }
}
