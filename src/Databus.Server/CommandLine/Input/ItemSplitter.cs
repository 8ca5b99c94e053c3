using System.Buffers;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// Cuts a stream of bytes into items. It takes the bytes in pieces of any size and finds the same items whatever the
/// pieces; between two calls it keeps no more than one unfinished item.
/// </summary>
/// <remarks>It cuts and does not judge: whether an item is valid JSON is for the server to say, once, for every sender.</remarks>
internal abstract class ItemSplitter(InputPosition start)
{
    /// <summary>An item longer than this, in bytes, is rejected here: it would only be held in memory to be refused.</summary>
    public const int MaxItemBytes = 16 * 1024 * 1024;

    private const string TooLong = "The item is longer than 16 MiB.";

    private readonly ArrayBufferWriter<byte> _item = new(4096);
    private string? _rejection;

    // How much of a byte order mark has been seen; all of it where there can be none.
    private int _mark = start.Offset == 0 ? 0 : ByteOrderMark.Length;

    /// <summary>The place of the next byte to read.</summary>
    protected long Offset { get; set; } = start.Offset;

    /// <summary>The line of the next byte to read.</summary>
    protected long Line { get; set; } = start.Line;

    /// <summary>The names of the columns, where the format has them and they have been read.</summary>
    public virtual IReadOnlyList<string>? Columns => null;

    /// <summary>The bytes of the item under way.</summary>
    protected ReadOnlySpan<byte> Item => _item.WrittenSpan;

    private static ReadOnlySpan<byte> ByteOrderMark => "\uFEFF"u8;

    /// <summary>Adds the items that end within these bytes to the chunk, and stops when the chunk is full.</summary>
    /// <returns>How many bytes were used.</returns>
    /// <exception cref="CommandFailure">The input is no UTF-8 text at all.</exception>
    public int Split(ReadOnlySpan<byte> bytes, Chunk chunk)
    {
        int used = 0;
        while (_mark < ByteOrderMark.Length && used < bytes.Length)
        {
            if (_mark == 0 && bytes[0] >= 0xFE)
                throw new CommandFailure(ExitCodes.Failed, "The input is UTF-16; convert it to UTF-8 first.");
            if (bytes[used] != ByteOrderMark[_mark])
            {
                int seen = _mark;
                _mark = ByteOrderMark.Length;
                if (seen > 0)
                    Take(ByteOrderMark[..seen], chunk);
            }
            else
            {
                used++;
                if (++_mark == ByteOrderMark.Length)
                    Offset += _mark;
            }
        }
        return used + Take(bytes[used..], chunk);
    }

    /// <summary>The input is over: what is unfinished becomes an item, or is rejected.</summary>
    public abstract void End(Chunk chunk);

    /// <summary>As <see cref="Split"/>, behind the byte order mark.</summary>
    protected abstract int Take(ReadOnlySpan<byte> bytes, Chunk chunk);

    protected void Keep(ReadOnlySpan<byte> bytes)
    {
        if (_item.WrittenCount + bytes.Length > MaxItemBytes)
            Spoil(TooLong);
        else if (_rejection is null)
            _item.Write(bytes);
    }

    protected void Keep(byte value) => Keep([value]);

    /// <summary>The item under way cannot be one. The first reason stays.</summary>
    protected void Spoil(string error) => _rejection ??= error;

    /// <summary>Hands the item under way, as it is or in the form given, to the chunk, and begins the next.</summary>
    protected void Finish(Chunk chunk, long line, ReadOnlySpan<byte> json, InputPosition end)
    {
        if (_rejection is not null)
            chunk.Reject(line, _rejection, end);
        else
            chunk.Add(line, json, end);
        Forget();
    }

    protected void Forget()
    {
        // A single huge item must not be paid for until the end of the input.
        if (_item.Capacity > 4 * Chunk.MaxBytes)
            _item.Clear();
        else
            _item.ResetWrittenCount();
        _rejection = null;
    }

    protected bool IsSpoiled => _rejection is not null;
}
