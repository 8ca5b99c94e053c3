using System.Globalization;

namespace Databus.Json;

/// <summary>Numbers in the one spelling that ECMAScript gives them.</summary>
internal static class CanonicalNumber
{
    /// <summary>An integer of so many digits is exact as a double, and ECMAScript writes it as it stands.</summary>
    private const int AlwaysExactDigits = 15;

    /// <summary>From this magnitude on ECMAScript writes an exponent.</summary>
    private const int LongestInteger = 21;

    private const int LongestSpelling = 32;

    /// <summary>Appends the canonical spelling of a number as JSON allows it.</summary>
    /// <returns>False when the number is beyond the range of doubles.</returns>
    public static bool TryAppend(ReadOnlySpan<byte> literal, ref ByteBuffer output)
    {
        var negative = literal[0] == '-';
        var magnitude = negative ? literal[1..] : literal;
        var isInteger = magnitude.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0;
        if (isInteger && magnitude.Length <= AlwaysExactDigits)
        {
            output.Append(magnitude is [(byte)'0'] ? magnitude : literal);
            return true;
        }

        var value = double.Parse(magnitude, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (!double.IsFinite(value))
            return false;
        if (value == 0)
        {
            output.Append((byte)'0');
            return true;
        }

        Span<byte> room = stackalloc byte[LongestSpelling];
        var digits = ShortestDigits(value, room, out var point);
        if (isInteger && !Denotes(magnitude, digits, point))
        {
            output.Append(literal);
            return true;
        }

        if (negative)
            output.Append((byte)'-');
        output.Advance(Spell(digits, point, output.Reserve(LongestSpelling)));
        return true;
    }

    // The integer and 0.DIGITS * 10^point are the same number when they differ in trailing zeros only.
    private static bool Denotes(ReadOnlySpan<byte> integer, ReadOnlySpan<byte> digits, int point) =>
        integer.Length == point && integer.TrimEnd((byte)'0').SequenceEqual(digits);

    /// <summary>
    /// The fewest digits that still denote <paramref name="value"/>, without zeros at either end; the value is
    /// 0.DIGITS * 10^<paramref name="point"/>.
    /// </summary>
    private static ReadOnlySpan<byte> ShortestDigits(double value, Span<byte> room, out int point)
    {
        Span<byte> text = stackalloc byte[LongestSpelling];
        value.TryFormat(text, out var length, "R", CultureInfo.InvariantCulture);

        // For a few powers of two, such as 2^-25, the runtime's shortest form is one digit short and denotes a neighbour.
        if (double.Parse(text[..length], NumberStyles.Float, CultureInfo.InvariantCulture) != value)
            value.TryFormat(text, out length, "E16", CultureInfo.InvariantCulture);

        ReadOnlySpan<byte> mantissa = text[..length];

        point = 0;
        var exponent = mantissa.IndexOf((byte)'E');
        if (exponent >= 0)
        {
            point = int.Parse(mantissa[(exponent + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            mantissa = mantissa[..exponent];
        }

        var fraction = mantissa.IndexOf((byte)'.');
        var whole = fraction < 0 ? mantissa.Length : fraction;
        mantissa[..whole].CopyTo(room);
        var count = whole;
        if (fraction >= 0)
        {
            mantissa[(fraction + 1)..].CopyTo(room[whole..]);
            count = mantissa.Length - 1;
        }

        var leadingZeros = room[..count].IndexOfAnyExcept((byte)'0');
        point += whole - leadingZeros;
        return room[leadingZeros..count].TrimEnd((byte)'0');
    }

    private static int Spell(ReadOnlySpan<byte> digits, int point, Span<byte> room)
    {
        var count = digits.Length;
        if (point is > LongestInteger or <= -6)
        {
            room[0] = digits[0];
            var length = 1;
            if (count > 1)
            {
                room[length++] = (byte)'.';
                digits[1..].CopyTo(room[length..]);
                length += count - 1;
            }

            room[length++] = (byte)'e';
            room[length++] = point > 0 ? (byte)'+' : (byte)'-';
            Math.Abs(point - 1).TryFormat(room[length..], out var exponentLength, default, CultureInfo.InvariantCulture);
            return length + exponentLength;
        }

        if (point <= 0)
        {
            room[..(2 - point)].Fill((byte)'0');
            room[1] = (byte)'.';
            digits.CopyTo(room[(2 - point)..]);
            return 2 - point + count;
        }

        if (count <= point)
        {
            digits.CopyTo(room);
            room[count..point].Fill((byte)'0');
            return point;
        }

        digits[..point].CopyTo(room);
        room[point] = (byte)'.';
        digits[point..].CopyTo(room[(point + 1)..]);
        return count + 1;
    }
}
