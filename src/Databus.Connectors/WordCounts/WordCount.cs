using System.Text.Json.Serialization;

namespace Databus.Connectors.WordCounts;

/// <summary>Arguments of the job <c>word-count</c>: which words a page has, and how often.</summary>
/// <param name="Url">Of the page; http or https.</param>
/// <param name="Top">How many of the most frequent words are wanted, 1 to 1000; default 10.</param>
/// <param name="Language">Whose stop words are left out: <c>cs</c>, <c>de</c>, <c>en</c>, <c>es</c>, <c>fr</c>, <c>it</c>, <c>nl</c>, <c>pt</c> or <c>ru</c>; default: the page's own.</param>
public sealed record WordCount(string Url, int Top = 10, string? Language = null)
{
    public const string JobName = "word-count";
    public const int MostTop = 1000;
}

/// <summary>Result of the job <c>word-count</c>.</summary>
/// <param name="Url">Where the page was read, after redirects.</param>
/// <param name="Title">Null: it has none.</param>
/// <param name="Language">Whose stop words were left out; null: the page is in none of the languages that have some here, and nothing was left out.</param>
/// <param name="Total">Words on the page.</param>
/// <param name="Distinct">Different words on the page.</param>
/// <param name="Top">The most frequent words, the most frequent first.</param>
/// <param name="TopWithoutStopWords">The same without words such as "the" and "of".</param>
public sealed record WordCountResult(
    string Url, string? Title, string? Language, int Total, int Distinct, IReadOnlyList<WordFrequency> Top, IReadOnlyList<WordFrequency> TopWithoutStopWords);

/// <summary>How often a word occurs.</summary>
/// <param name="Word">In lower case.</param>
public sealed record WordFrequency(string Word, int Count);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(WordCount))]
[JsonSerializable(typeof(WordCountResult))]
internal sealed partial class WordCountJson : JsonSerializerContext;
