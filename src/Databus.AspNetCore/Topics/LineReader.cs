using System.Buffers;
using System.IO.Pipelines;

namespace Databus.AspNetCore.Topics;

/// <summary>
/// Splits a stream into lines in constant memory: a line longer than the limit is passed over to its end, and told as
/// too long.
/// </summary>
internal sealed class LineReader(PipeReader reader, int maxLineBytes)
{
    private ReadOnlySequence<byte> _buffer;
    private bool _isCompleted;
    private bool _isPassingOver;
    private bool _isExamined = true;
    private bool _hasRead;

    private bool IsAtEnd => _isCompleted && _buffer.IsEmpty && !_isPassingOver;

    /// <summary>Gets more of the stream. False: it has ended and all lines were given.</summary>
    public async ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        if (_hasRead)
            reader.AdvanceTo(_buffer.Start, _isExamined ? _buffer.End : _buffer.Start);
        if (_hasRead && IsAtEnd)
            return false;
        _hasRead = true;
        var read = await reader.ReadAsync(cancellationToken);
        _buffer = read.Buffer;
        _isCompleted = read.IsCompleted;
        if (!IsAtEnd)
            return true;
        reader.AdvanceTo(_buffer.End);
        return false;
    }

    /// <summary>Gives each whole line that is there, until told to stop; the rest is for the next call.</summary>
    public void ForEach(LineAction take, Func<bool> stop)
    {
        _isExamined = false;
        while (!stop())
        {
            if (_buffer.PositionOf((byte)'\n') is { } end)
            {
                Take(_buffer.Slice(0, end), take);
                _buffer = _buffer.Slice(_buffer.GetPosition(1, end));
            }
            else if (_isCompleted)
            {
                if (!_buffer.IsEmpty || _isPassingOver)
                    Take(_buffer, take);
                _buffer = _buffer.Slice(_buffer.End);
                return;
            }
            else
            {
                if (_buffer.Length > maxLineBytes)
                {
                    _isPassingOver = true;
                    _buffer = _buffer.Slice(_buffer.End);
                }

                _isExamined = true;
                return;
            }
        }
    }

    /// <summary>Gives back what was read, when nobody wants more.</summary>
    public void Release()
    {
        if (_hasRead)
            reader.AdvanceTo(_buffer.End);
    }

    private void Take(in ReadOnlySequence<byte> line, LineAction take)
    {
        var isTooLong = _isPassingOver || line.Length > maxLineBytes;
        _isPassingOver = false;
        if (isTooLong)
        {
            take(new Line([], IsTooLong: true));
        }
        else if (line.IsSingleSegment)
        {
            take(new Line(line.FirstSpan, IsTooLong: false));
        }
        else
        {
            var rented = ArrayPool<byte>.Shared.Rent((int)line.Length);
            line.CopyTo(rented);
            take(new Line(rented.AsSpan(0, (int)line.Length), IsTooLong: false));
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public delegate void LineAction(Line line);

    public readonly ref struct Line(ReadOnlySpan<byte> text, bool IsTooLong)
    {
        public ReadOnlySpan<byte> Text { get; } = text;

        public bool IsTooLong { get; } = IsTooLong;
    }
}
