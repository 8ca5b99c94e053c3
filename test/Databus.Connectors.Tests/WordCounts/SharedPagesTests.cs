using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Databus.Connectors.Http;
using Databus.Connectors.WordCounts;
using Databus.Testing;

namespace Databus.Connectors.Tests.WordCounts;

/// <summary>Real pages from a real server, beside what two other parsers counted on them.</summary>
public sealed partial class SharedPagesTests : IAsyncLifetime
{
    private const double Tolerance = 0.03;

    private LoopbackServer _server = null!;
    private GuardedHttpClient _client = null!;

    public static TheoryData<string> Pages => [.. Entries.Select(entry => entry.GetProperty("file").GetString()!)];

    public static TheoryData<string> CountedPages => [.. Entries.Where(entry => entry.GetProperty("facts").TryGetProperty("words", out _)).Select(entry => entry.GetProperty("file").GetString()!)];

    private static IEnumerable<JsonElement> Entries => SharedData.Json("pages/index.json").GetProperty("entries").EnumerateArray();

    public async ValueTask InitializeAsync()
    {
        // As a plain file server does it: the charset stands in the page, or nowhere.
        _server = await LoopbackServer.StartAsync(context =>
        {
            context.Response.ContentType = "text/html";
            return context.Response.Body.WriteAsync(SharedData.Bytes($"pages{context.Request.Path}")).AsTask();
        });
        _client = Guarded.Client();
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public void There_are_pages_to_count() => Assert.True(CountedPages.Count >= 35);

    [Theory]
    [MemberData(nameof(CountedPages))]
    public async Task Counts_agree_with_those_of_others(string file)
    {
        var facts = Entries.Single(entry => entry.GetProperty("file").GetString() == file).GetProperty("facts").GetProperty("words");
        var words = await CountAsync(file);
        AssertNear(facts.GetProperty("totalWords").GetInt32(), words.Result.Total, "words");

        // They end a word at a digit or a mark, where here it goes on: "1password".
        var theirs = words.Counts.SelectMany(word => LettersOnly().Matches(word.Key).Select(part => (part.Value, Count: word.Value)))
            .GroupBy(word => word.Value, StringComparer.Ordinal).ToDictionary(group => group.Key, group => group.Sum(word => word.Count), StringComparer.Ordinal);
        AssertNear(facts.GetProperty("distinctWords").GetInt32(), theirs.Count, "different words");
        foreach (var word in facts.GetProperty("topWithoutStopWords").EnumerateArray())
            AssertNear(word[1].GetInt32(), theirs.GetValueOrDefault(word[0].GetString()!), word[0].GetString()!);
    }

    [Theory]
    [MemberData(nameof(CountedPages))]
    public async Task What_others_take_for_a_word_of_the_matter_is_none_that_is_left_out(string file)
    {
        var facts = Entries.Single(entry => entry.GetProperty("file").GetString() == file).GetProperty("facts").GetProperty("words");
        var result = (await CountAsync(file, top: 100)).Result;
        if (facts.GetProperty("stopWordList").GetString() != $"stopwords-iso {result.Language}")
            return;
        var left = result.TopWithoutStopWords.ToDictionary(word => word.Word, word => word.Count);
        var wanted = facts.GetProperty("topWithoutStopWords").EnumerateArray().Select(word => word[0].GetString()!).Take(5).ToList();
        Assert.True(wanted.Count(left.ContainsKey) >= wanted.Count - 1, $"Of {string.Join(' ', wanted)} there are only {string.Join(' ', wanted.Where(left.ContainsKey))}.");
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public async Task The_title_and_the_language_are_found(string file)
    {
        var facts = Entries.Single(entry => entry.GetProperty("file").GetString() == file).GetProperty("facts");
        var words = await CountAsync(file);
        if (facts.TryGetProperty("title", out var title) && title.ValueKind == JsonValueKind.String)
            Assert.Equal(OneLine(title.GetString()!), OneLine(words.Result.Title ?? ""));
        if (words.Result.Total > 200 && facts.TryGetProperty("lang", out var lang) && lang.ValueKind == JsonValueKind.String)
            Assert.Equal(lang.GetString()!.Split('-')[0].ToLowerInvariant(), words.Result.Language);
    }

    [Fact]
    public async Task Results_are_ordered_and_as_many_as_were_asked_for()
    {
        var result = (await CountAsync("html/r-wikipedia.html", top: 25)).Result;
        Assert.Equal("en", result.Language);
        Assert.Equal((25, 25), (result.Top.Count, result.TopWithoutStopWords.Count));
        foreach (var list in new[] { result.Top, result.TopWithoutStopWords })
            Assert.Equal(list.OrderByDescending(word => word.Count).ThenBy(word => word.Word, StringComparer.Ordinal), list);
        Assert.Contains(result.Top, word => word.Word == "the");
        Assert.DoesNotContain(result.TopWithoutStopWords, word => word.Word == "the");
        Assert.Equal("mozilla", result.TopWithoutStopWords[0].Word);
        Assert.EndsWith("/html/r-wikipedia.html", result.Url, StringComparison.Ordinal);
    }

    private async Task<PageWords> CountAsync(string file, int top = 10) => Assert.IsType<PageWords>(
        await new PageWordCounter(_client).CountAsync(new WordCount(new Uri(_server.Address, file).AbsoluteUri, top), report: null, CancellationToken.None));

    private static void AssertNear(int expected, int found, string what) => Assert.True(
        Math.Abs(found - expected) <= Math.Max(1, expected * Tolerance), string.Create(CultureInfo.InvariantCulture, $"{what}: {found}, others counted {expected}"));

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    [GeneratedRegex(@"\p{L}+('\p{L}+)*", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex LettersOnly();
}
