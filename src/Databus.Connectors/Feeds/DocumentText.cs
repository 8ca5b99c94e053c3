using System.Text;
using System.Text.RegularExpressions;

namespace Databus.Connectors.Feeds;

/// <summary>
/// Turns a document's bytes into text. The order is: byte order mark, HTTP header, the bytes of
/// <c>&lt;?</c> in UTF-16 or UTF-32, XML declaration, UTF-8; a claim that the bytes contradict is
/// passed over, and what is left is guessed.
/// </summary>
internal static partial class DocumentText
{
    private static readonly EncodingProvider CodePages = CodePagesEncodingProvider.Instance;

    public static string Decode(ReadOnlySpan<byte> bytes, string? httpCharset)
    {
        if (ByteOrderMark(bytes) is var (marked, markLength))
            return marked.GetString(bytes[markLength..]);
        if (Find(httpCharset) is { } http && TryDecode(bytes, http) is { } byHttp)
            return byHttp;
        if (WideWithoutMark(bytes) is { } wide)
            return wide.GetString(bytes);
        if (Find(DeclaredCharset(bytes)) is { } declared && TryDecode(bytes, declared) is { } byDeclaration)
            return byDeclaration;
        return TryDecode(bytes, Encoding.UTF8) ?? CharsetGuess.Decode(bytes);
    }

    private static (Encoding Encoding, int Length)? ByteOrderMark(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding.UTF8, 3),
        [0xFF, 0xFE, 0, 0, ..] => (Encoding.UTF32, 4),
        [0, 0, 0xFE, 0xFF, ..] => (new UTF32Encoding(bigEndian: true, byteOrderMark: false), 4),
        [0xFF, 0xFE, ..] => (Encoding.Unicode, 2),
        [0xFE, 0xFF, ..] => (Encoding.BigEndianUnicode, 2),
        _ => null,
    };

    private static Encoding? WideWithoutMark(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [(byte)'<', 0, 0, 0, ..] => Encoding.UTF32,
        [0, 0, 0, (byte)'<', ..] => new UTF32Encoding(bigEndian: true, byteOrderMark: false),
        [(byte)'<', 0, ..] => Encoding.Unicode,
        [0, (byte)'<', ..] => Encoding.BigEndianUnicode,
        _ => null,
    };

    private static string? DeclaredCharset(ReadOnlySpan<byte> bytes)
    {
        var start = Encoding.Latin1.GetString(bytes[..Math.Min(bytes.Length, 1024)]);
        var match = XmlDeclaration().Match(start);
        return match.Success ? match.Groups["charset"].Value : null;
    }

    private static Encoding? Find(string? name)
    {
        name = name?.Trim(' ', '"', '\'').ToLowerInvariant();
        switch (name)
        {
            case null or "" or "utf-7":
                return null;
            // What calls itself so is Windows' superset in practice, as browsers assume too.
            case "iso-8859-1" or "latin1" or "latin-1" or "us-ascii" or "ascii":
                return CodePages.GetEncoding(1252);
            // Bytes that could be read so far as to hold this name are not in a wide encoding.
            case "utf-16" or "utf-16le" or "utf-16be" or "utf-32" or "utf-32le" or "utf-32be" or "unicode":
                return null;
            case "utf8":
                return Encoding.UTF8;
        }
        try
        {
            return CodePages.GetEncoding(name) ?? Encoding.GetEncoding(name);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>The text, or null where the bytes are not valid in that encoding.</summary>
    internal static string? TryDecode(ReadOnlySpan<byte> bytes, Encoding encoding)
    {
        var strict = (Encoding)encoding.Clone();
        strict.DecoderFallback = DecoderFallback.ExceptionFallback;
        try
        {
            return strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }

    [GeneratedRegex("""^\s*<\?xml\s[^>]*?encoding\s*=\s*["'](?<charset>[A-Za-z0-9._:-]{1,40})["']""", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex XmlDeclaration();
}
