using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Databus.Json;

/// <summary>The SHA-256 of an item's canonical content: 32 bytes, held in place.</summary>
/// <param name="Upper">The first 16 bytes, big-endian.</param>
/// <param name="Lower">The last 16 bytes, big-endian.</param>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct ContentDigest(UInt128 Upper, UInt128 Lower)
{
    public const int Size = SHA256.HashSizeInBytes;

    public static ContentDigest Of(ReadOnlySpan<byte> canonical)
    {
        Span<byte> digest = stackalloc byte[Size];
        SHA256.HashData(canonical, digest);
        return new(BinaryPrimitives.ReadUInt128BigEndian(digest), BinaryPrimitives.ReadUInt128BigEndian(digest[16..]));
    }

    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt128BigEndian(destination, Upper);
        BinaryPrimitives.WriteUInt128BigEndian(destination[16..], Lower);
    }

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => $"{Upper:x32}{Lower:x32}";
}
