using System.Buffers;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// The items of one request: a line of JSON each, in the order of the input. Items that could not even become a line are
/// kept beside them as rejected.
/// </summary>
/// <remarks>Reused from request to request, so that an input of any length needs the memory of one chunk.</remarks>
internal sealed class Chunk
{
    /// <summary>So many items fill a chunk.</summary>
    public const int MaxItems = 2_000;

    /// <summary>So many bytes fill a chunk; the last item may go beyond.</summary>
    public const int MaxBytes = 1024 * 1024;

    private readonly ArrayBufferWriter<byte> _body = new(64 * 1024);
    private readonly List<Item> _items = [];
    private readonly List<(long Line, string Error)> _rejected = [];

    public int Count => _items.Count;

    public bool IsFull => _items.Count + _rejected.Count >= MaxItems || _body.WrittenCount >= MaxBytes;

    public bool IsEmpty => _items.Count + _rejected.Count == 0;

    /// <summary>The items that no server needs to see.</summary>
    public IReadOnlyList<(long Line, string Error)> Rejected => _rejected;

    /// <summary>The place behind the last item, sent or rejected.</summary>
    public InputPosition End { get; private set; }

    /// <summary>Adds an item. Its JSON must not contain a line feed.</summary>
    public void Add(long line, ReadOnlySpan<byte> json, InputPosition end)
    {
        _body.Write(json);
        _body.Write("\n"u8);
        _items.Add(new Item(line, _body.WrittenCount, end));
        End = end;
    }

    public void Reject(long line, string error, InputPosition end)
    {
        _rejected.Add((line, error));
        End = end;
    }

    /// <summary>The request body of the items from index <paramref name="from"/> up to, not including, <paramref name="to"/>.</summary>
    public ReadOnlyMemory<byte> Body(int from, int to)
    {
        int start = from == 0 ? 0 : _items[from - 1].BodyEnd;
        return _body.WrittenMemory[start.._items[to - 1].BodyEnd];
    }

    /// <summary>The line of the input on which an item begins.</summary>
    public long Line(int item) => _items[item].Line;

    /// <summary>The place right behind an item.</summary>
    public InputPosition EndOf(int item) => _items[item].End;

    public void Clear()
    {
        _body.ResetWrittenCount();
        _items.Clear();
        _rejected.Clear();
    }

    private readonly record struct Item(long Line, int BodyEnd, InputPosition End);
}
