using System.Text;

namespace Databus.Connectors.Feeds;

/// <summary>
/// The last resort for bytes that are not UTF-8 and do not say what they are. Each candidate decodes a
/// sample, and the one whose result looks most like words wins: runs of letters of one script, in
/// which capitals stand only at the front, and of accented letters that stand among plain ones.
/// Windows-1252 wins where nothing looks better.
/// </summary>
internal static class CharsetGuess
{
    private const int SampleBytes = 16 * 1024;
    private const int Latin = 0;

    // Hebrew stands before Cyrillic: its letters are letters there too, but not the other way around.
    private static readonly int[] SingleByteCandidates = [1252, 1255, 1251, 20866, 1253];

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        var sample = Sample(bytes);
        Encoding? best = null;
        var bestScore = int.MinValue;
        foreach (var codePage in SingleByteCandidates)
        {
            var encoding = CodePagesEncodingProvider.Instance.GetEncoding(codePage)!;
            var score = Score(encoding.GetString(sample));
            if (score > bestScore)
                (best, bestScore) = (encoding, score);
        }
        return best!.GetString(bytes);
    }

    // From the first foreign byte on: what comes before looks the same in every candidate.
    private static ReadOnlySpan<byte> Sample(ReadOnlySpan<byte> bytes)
    {
        var start = bytes.IndexOfAnyInRange((byte)0x80, (byte)0xFF);
        bytes = bytes[Math.Max(0, start - 1)..];
        return bytes[..Math.Min(bytes.Length, SampleBytes)];
    }

    private static int Score(string text)
    {
        var score = 0;
        for (var i = 1; i < text.Length; i++)
        {
            var (before, now) = (text[i - 1], text[i]);
            if (now < 0x80)
                continue;
            if (!char.IsLetter(now))
                score -= now is >= '\u2010' and <= '\u2044' or '«' or '»' or '\u00A0' or '°' or '№' ? 0 : 3;
            else if (!char.IsLetter(before))
                score += char.IsUpper(now) ? 1 : 0;
            else if (Script(before) != Script(now))
                score -= Script(before) == Latin ? 1 : 3;
            else if (Script(now) == Latin && before >= 0x80)
                score -= 2;
            else if (char.IsUpper(now) && char.IsLower(before))
                score -= 4;
            else
                score += char.IsLower(before) || !char.IsUpper(now) ? 2 : 0;
        }
        return score;
    }

    private static int Script(char letter) => letter switch
    {
        < '\u0250' => Latin,
        >= '\u0370' and < '\u0400' => 0x0370,
        >= '\u0400' and < '\u0530' => 0x0400,
        >= '\u0590' and < '\u0600' => 0x0590,
        _ => 0xFFFF,
    };
}
