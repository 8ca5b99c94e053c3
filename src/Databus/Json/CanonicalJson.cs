using System.Diagnostics.CodeAnalysis;

namespace Databus.Json;

/// <summary>
/// The canonical form of RFC 8785: one spelling for all texts that mean the same, so that equal things have equal hashes.
/// </summary>
/// <remarks>
/// <para>
/// White space goes, members stand in the order of the UTF-16 code units of their names, strings have no more escapes
/// than they need, numbers are written as ECMAScript writes them. Refused, because they have no one meaning: a name that
/// occurs twice in an object, half a surrogate pair, bytes that are not UTF-8, a byte order mark, a number beyond the
/// range of doubles, and nesting deeper than <see cref="MaxDepth"/>.
/// </para>
/// <para>
/// One deliberate deviation. RFC 8785 takes every number for a double, which makes 9007199254740993 and 9007199254740992
/// the same. Ids of 64 bits are often sent as such numbers, and taking two ids for one would lose an item. So an integer
/// written without point and exponent keeps its digits when the ECMAScript spelling of its double denotes another integer.
/// All other numbers, and every text that is canonical already, come out as RFC 8785 says. Hence also 9007199254740993
/// and 9007199254740993.0 differ here: the latter is the double 9007199254740992.
/// </para>
/// </remarks>
internal static class CanonicalJson
{
    /// <summary>How deep objects and arrays may be nested; the outermost counts as one.</summary>
    public const int MaxDepth = 64;

    /// <summary>The canonical form of any JSON value in UTF-8.</summary>
    public static bool TryGet(
        ReadOnlySpan<byte> utf8,
        [NotNullWhen(true)] out byte[]? canonical,
        [NotNullWhen(false)] out JsonError? error)
    {
        var writer = CanonicalJsonWriter.OfThisThread;
        error = writer.Write(utf8);
        canonical = error is null ? writer.Canonical.ToArray() : null;
        writer.Trim();
        return error is null;
    }
}
