using System.Collections.Frozen;
using System.Text;

namespace Databus.Connectors.WordCounts;

/// <summary>The words of a language that hold its sentences together and say nothing about what they are about.</summary>
internal sealed class StopWords
{
    private const string Prefix = "StopWords/";

    /// <summary>Of the words of a text in one of the languages, this part at least are stop words.</summary>
    private const double LeastShare = 0.1;

    /// <summary>What a page says of its own language counts for so much: templates often say it wrongly.</summary>
    private const double Trust = 1.3;

    private readonly FrozenSet<string> _words;

    private StopWords(string language)
    {
        Language = language;
        using var stream = typeof(StopWords).Assembly.GetManifestResourceStream(Prefix + language)!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        _words = reader.ReadToEnd().Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
    }

    /// <summary>By language.</summary>
    public static IReadOnlyDictionary<string, StopWords> All { get; } = typeof(StopWords).Assembly.GetManifestResourceNames()
        .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).Select(name => new StopWords(name[Prefix.Length..]))
        .ToFrozenDictionary(words => words.Language, StringComparer.Ordinal);

    /// <summary>ISO 639-1.</summary>
    public string Language { get; }

    public bool Contains(string word) => _words.Contains(word);

    /// <summary>
    /// The language whose stop words are the largest part of a text; where they are too few in every language, the one it claims. Null: neither is known.
    /// </summary>
    /// <param name="claim">What the text says of itself, such as <c>de-AT</c>.</param>
    public static StopWords? Guess(IReadOnlyDictionary<string, int> words, string? claim)
    {
        var claimed = claim?.Split('-', '_')[0].Trim().ToLowerInvariant();
        var (best, bestShare) = (default(StopWords), LeastShare * words.Sum(word => (long)word.Value));
        foreach (var language in All.Values)
        {
            var share = words.Where(word => language.Contains(word.Key)).Sum(word => (long)word.Value) * (language.Language == claimed ? Trust : 1);
            if (share >= bestShare && share > 0)
                (best, bestShare) = (language, share);
        }

        return best ?? (claimed is null ? null : All.GetValueOrDefault(claimed));
    }
}
