using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Databus.Json;

/// <summary>What a key is stored and compared as: the first 128 bits of a SHA-256.</summary>
/// <remarks>
/// Enough never to meet two equal ones by chance: with 10^12 keys the odds are about one in 10^15.
/// </remarks>
public readonly record struct KeyHash(UInt128 Value) : IComparable<KeyHash>
{
    public const int Size = 16;

    /// <summary>The hash of what has been hashed already.</summary>
    /// <param name="sha256">A SHA-256, or at least its first 16 bytes.</param>
    public static KeyHash FromDigest(ReadOnlySpan<byte> sha256) => new(BinaryPrimitives.ReadUInt128BigEndian(sha256));

    internal static KeyHash FromDigest(in ContentDigest digest) => new(digest.Upper);

    /// <summary>The hash of a key's UTF-8.</summary>
    public static KeyHash FromText(string key)
    {
        const int OnStack = 1024;
        var size = Encoding.UTF8.GetMaxByteCount(key.Length);
        Span<byte> utf8 = size <= OnStack ? stackalloc byte[OnStack] : new byte[size];
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(utf8[..Encoding.UTF8.GetBytes(key, utf8)], digest);
        return FromDigest(digest);
    }

    /// <summary>Writes <see cref="Size"/> bytes, big-endian, so that they sort as the values do.</summary>
    public void WriteTo(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);

    public byte[] ToByteArray()
    {
        var bytes = new byte[Size];
        WriteTo(bytes);
        return bytes;
    }

    public int CompareTo(KeyHash other) => Value.CompareTo(other.Value);

    /// <summary>32 lower-case hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x32");

    public static bool operator <(KeyHash left, KeyHash right) => left.Value < right.Value;

    public static bool operator <=(KeyHash left, KeyHash right) => left.Value <= right.Value;

    public static bool operator >(KeyHash left, KeyHash right) => left.Value > right.Value;

    public static bool operator >=(KeyHash left, KeyHash right) => left.Value >= right.Value;
}
