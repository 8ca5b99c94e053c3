using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Databus.Connectors.WordCounts;

/// <summary>
/// Counts the words of a text. A word is a run of letters, marks and digits with apostrophes inside, in which there is a letter
/// at least; upper and lower case are alike.
/// </summary>
internal sealed class WordTally
{
    /// <summary>What is longer is no word of any language, but data.</summary>
    public const int LongestWord = 100;

    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly StringBuilder _word = new(LongestWord);
    private bool _hasLetter;
    private bool _isTooLong;
    private bool _isApostropheOpen;

    public int Total { get; private set; }

    public IReadOnlyDictionary<string, int> Counts => _counts;

    /// <summary>Adds a part of the text; a word may go on in the next part.</summary>
    public void Add(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            switch (Rune.GetUnicodeCategory(rune))
            {
                case UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
                    or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter:
                    Append(rune);
                    _hasLetter = true;
                    break;
                case UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
                    or UnicodeCategory.DecimalDigitNumber:
                    Append(rune);
                    break;

                // Invisible: a soft hyphen, or what joins letters and keeps them apart.
                case UnicodeCategory.Format:
                    break;
                default:
                    if (rune.Value is '\'' or '\u2019' && _word.Length > 0 && !_isApostropheOpen)
                        _isApostropheOpen = true;
                    else
                        EndWord();
                    break;
            }
        }
    }

    /// <summary>What comes next begins a new word.</summary>
    public void EndWord()
    {
        if (_hasLetter && !_isTooLong)
        {
            Total++;
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, _word.ToString(), out _)++;
        }

        _word.Clear();
        _hasLetter = _isTooLong = _isApostropheOpen = false;
    }

    /// <summary>The most frequent words; of equally frequent ones the first by their letters.</summary>
    public IReadOnlyList<WordFrequency> MostFrequent(int count, StopWords? without) =>
    [
        .. _counts.Where(word => without?.Contains(word.Key) != true).OrderByDescending(word => word.Value).ThenBy(word => word.Key, StringComparer.Ordinal)
            .Take(count).Select(word => new WordFrequency(word.Key, word.Value)),
    ];

    private void Append(Rune rune)
    {
        if (_isApostropheOpen)
            _word.Append('\'');
        _isApostropheOpen = false;
        _isTooLong |= _word.Length >= LongestWord;
        if (_isTooLong)
            return;
        Span<char> lower = stackalloc char[2];
        _word.Append(lower[..Rune.ToLowerInvariant(rune).EncodeToUtf16(lower)]);
    }
}
