using System.Globalization;
using System.Text;

namespace Databus.Json;

/// <summary>Strings with no more escapes than JSON needs.</summary>
internal static class CanonicalString
{
    private const int UnicodeEscapeLength = 6;

    /// <summary>Appends the inside of a string whose escapes are known to be well formed.</summary>
    /// <returns>False when an escape stands for one half of a surrogate pair only.</returns>
    public static bool TryAppend(ReadOnlySpan<byte> escaped, ref ByteBuffer output)
    {
        while (true)
        {
            var run = escaped.IndexOf((byte)'\\');
            if (run < 0)
            {
                output.Append(escaped);
                return true;
            }

            output.Append(escaped[..run]);
            escaped = escaped[run..];
            switch (escaped[1])
            {
                case (byte)'u':
                    if (!TryReadCharacter(ref escaped, out var character))
                        return false;
                    AppendCharacter(character, ref output);
                    break;
                case (byte)'/':
                    output.Append((byte)'/');
                    escaped = escaped[2..];
                    break;
                default:
                    output.Append(escaped[..2]);
                    escaped = escaped[2..];
                    break;
            }
        }
    }

    private static bool TryReadCharacter(ref ReadOnlySpan<byte> escaped, out Rune character)
    {
        var unit = ReadUnit(escaped);
        escaped = escaped[UnicodeEscapeLength..];
        if (Rune.TryCreate(unit, out character))
            return true;
        if (!escaped.StartsWith("\\u"u8) || !Rune.TryCreate(unit, ReadUnit(escaped), out character))
            return false;
        escaped = escaped[UnicodeEscapeLength..];
        return true;
    }

    private static char ReadUnit(ReadOnlySpan<byte> escape)
    {
        var digits = escape[2..UnicodeEscapeLength];
        return (char)ushort.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private static void AppendCharacter(Rune character, ref ByteBuffer output)
    {
        switch (character.Value)
        {
            case '"':
                output.Append("\\\""u8);
                break;
            case '\\':
                output.Append("\\\\"u8);
                break;
            case '\b':
                output.Append("\\b"u8);
                break;
            case '\t':
                output.Append("\\t"u8);
                break;
            case '\n':
                output.Append("\\n"u8);
                break;
            case '\f':
                output.Append("\\f"u8);
                break;
            case '\r':
                output.Append("\\r"u8);
                break;
            case < ' ':
                output.Append(character.Value < 0x10 ? "\\u000"u8 : "\\u001"u8);
                output.Append("0123456789abcdef"u8[character.Value & 0xF]);
                break;
            default:
                output.Advance(character.EncodeToUtf8(output.Reserve(4)));
                break;
        }
    }
}
