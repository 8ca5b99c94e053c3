namespace Databus.Json;

/// <summary>A growing run of bytes whose array is kept for the next use.</summary>
/// <remarks>A mutable struct: hold it in a field or pass it by reference, never copy it.</remarks>
internal struct ByteBuffer
{
    private byte[] _bytes;

    public ByteBuffer(int capacity) => _bytes = new byte[capacity];

    public readonly int Capacity => _bytes.Length;

    public int Length { get; private set; }

    public readonly Span<byte> Written => _bytes.AsSpan(0, Length);

    public void Clear() => Length = 0;

    /// <summary>Room for at least <paramref name="count"/> more bytes; they count once <see cref="Advance"/> says so.</summary>
    public Span<byte> Reserve(int count)
    {
        if (count > _bytes.Length - Length)
            Array.Resize(ref _bytes, (int)Math.Min(Array.MaxLength, Math.Max((long)Length + count, 2L * _bytes.Length)));
        return _bytes.AsSpan(Length);
    }

    public void Advance(int count) => Length += count;

    public void Append(byte value)
    {
        Reserve(1)[0] = value;
        Length++;
    }

    public void Append(ReadOnlySpan<byte> values)
    {
        values.CopyTo(Reserve(values.Length));
        Length += values.Length;
    }

    public void AppendQuoted(ReadOnlySpan<byte> values)
    {
        var room = Reserve(values.Length + 2);
        room[0] = (byte)'"';
        values.CopyTo(room[1..]);
        room[values.Length + 1] = (byte)'"';
        Length += values.Length + 2;
    }
}
