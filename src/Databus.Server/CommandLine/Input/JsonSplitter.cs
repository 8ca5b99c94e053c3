using System.Buffers;

namespace Databus.Server.CommandLine.Input;

/// <summary>
/// JSON: the elements of an array are the items, and so is a value that stands by itself; several of either may follow
/// one another. An element may spread over many lines.
/// </summary>
/// <remarks>
/// It follows strings and nesting only, so that a broken element is one invalid item and the next element is found.
/// White space between tokens becomes a single space: never nothing, which could make <c>1 2</c> a valid <c>12</c>.
/// </remarks>
internal sealed class JsonSplitter(InputPosition start) : ItemSplitter(start)
{
    private static readonly SearchValues<byte> EndsStringRun = SearchValues.Create("\"\\\n"u8);

    private bool _inArray = start.InArray;
    private bool _afterComma = start.InArray;
    private bool _inItem;
    private long _itemLine;
    private int _depth;
    private bool _inString;
    private bool _escaped;
    private bool _pendingSpace;

    public override void End(Chunk chunk)
    {
        if (_inItem)
        {
            if (_inArray || _inString || _depth > 0)
                Spoil("The input ends inside this item.");
            EndItem(chunk);
        }
        else if (_inArray)
        {
            chunk.Reject(Line, "The input ends before its array does.", Here);
        }
    }

    private InputPosition Here => new(Offset, Line, _inArray);

    protected override int Take(ReadOnlySpan<byte> bytes, Chunk chunk)
    {
        int used = 0;
        while (used < bytes.Length && !chunk.IsFull)
        {
            if (_inString && !_escaped)
            {
                ReadOnlySpan<byte> rest = bytes[used..];
                int run = rest.IndexOfAny(EndsStringRun);
                run = run < 0 ? rest.Length : run;
                if (run > 0)
                {
                    Keep(rest[..run]);
                    used += run;
                    Offset += run;
                    continue;
                }
            }
            byte value = bytes[used++];
            Offset++;
            if (value == '\n')
                Line++;
            if (_inString)
                TakeInString(value);
            else if (_inItem)
                TakeInItem(value, chunk);
            else
                TakeBetweenItems(value, chunk);
        }
        return used;
    }

    private void TakeInString(byte value)
    {
        if (value == '\n')
            Spoil("A string has a line break in it.");
        else
            Keep(value);
        if (!_escaped && value == '"')
            _inString = false;
        _escaped = !_escaped && value == '\\';
    }

    private void TakeInItem(byte value, Chunk chunk)
    {
        switch (value)
        {
            case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n':
                // A scalar that stands by itself ends here. Its line feed is already counted.
                if (_depth == 0 && !_inArray)
                    EndItem(chunk);
                else
                    _pendingSpace = true;
                break;
            case (byte)',' when _depth == 0 && _inArray:
                _afterComma = true;
                EndItem(chunk);
                break;
            case (byte)']' when _depth == 0 && _inArray:
                _inArray = false;
                EndItem(chunk);
                break;
            case (byte)'}' or (byte)']':
                KeepToken(value);
                if (_depth > 0 && --_depth == 0 && !_inArray)
                    EndItem(chunk);
                break;
            default:
                if (value is (byte)'{' or (byte)'[')
                    _depth++;
                _inString = value == '"';
                KeepToken(value);
                break;
        }
    }

    private void TakeBetweenItems(byte value, Chunk chunk)
    {
        switch (value)
        {
            case (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n':
                break;
            case (byte)'[' when !_inArray:
                _inArray = true;
                _afterComma = false;
                break;
            case (byte)',' when _inArray:
                chunk.Reject(Line, "A value is missing before this comma.", Here);
                _afterComma = true;
                break;
            case (byte)']' when _inArray:
                _inArray = false;
                if (_afterComma)
                    chunk.Reject(Line, "A value is missing before the end of this array.", Here);
                break;
            default:
                _inItem = true;
                _itemLine = Line;
                TakeInItem(value, chunk);
                break;
        }
    }

    private void KeepToken(byte value)
    {
        if (_pendingSpace)
        {
            _pendingSpace = false;
            Keep((byte)' ');
        }
        Keep(value);
    }

    private void EndItem(Chunk chunk)
    {
        _inItem = false;
        _inString = false;
        _escaped = false;
        _pendingSpace = false;
        _depth = 0;
        Finish(chunk, _itemLine, Item, Here);
    }
}
