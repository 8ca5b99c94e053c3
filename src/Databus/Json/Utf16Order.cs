using System.Buffers.Binary;

namespace Databus.Json;

/// <summary>The order of RFC 8785 for member names, by UTF-16 code units, found on their UTF-8 bytes.</summary>
/// <remarks>
/// The bytes of UTF-8 sort by code point. UTF-16 differs in one place: supplementary characters, written as
/// surrogates D800 to DFFF, come before U+E000 to U+FFFF. In UTF-8 only the first byte of a character tells the two
/// apart: F0 and above for the former, EE and EF for the latter.
/// </remarks>
internal static class Utf16Order
{
    private const byte FirstAfterSurrogates = 0xEE;
    private const byte FirstSupplementary = 0xF0;
    private const ulong NonAscii = 0x8080_8080_8080_8080;

    public static int Compare(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        var same = left.CommonPrefixLength(right);
        return same == left.Length || same == right.Length
            ? left.Length.CompareTo(right.Length)
            : Rank(left[same]).CompareTo(Rank(right[same]));
    }

    /// <summary>A number by which names sort as far as their first eight bytes decide; equal numbers decide nothing.</summary>
    public static ulong Prefix(ReadOnlySpan<byte> name)
    {
        ulong prefix = 0;
        if (name.Length >= sizeof(ulong))
        {
            prefix = BinaryPrimitives.ReadUInt64BigEndian(name);
        }
        else
        {
            for (var i = 0; i < name.Length; i++)
                prefix |= (ulong)name[i] << (56 - 8 * i);
        }

        return (prefix & NonAscii) == 0 ? prefix : Ranked(prefix);
    }

    private static ulong Ranked(ulong prefix)
    {
        ulong ranked = 0;
        for (var shift = 56; shift >= 0; shift -= 8)
            ranked |= (ulong)Rank((byte)(prefix >> shift)) << shift;
        return ranked;
    }

    // Valid UTF-8 ends at F4: F0..F4 become EE..F2, EE..EF become F3..F4.
    private static byte Rank(byte value) => value switch
    {
        < FirstAfterSurrogates => value,
        < FirstSupplementary => (byte)(value + 5),
        _ => (byte)(value - 2),
    };
}
