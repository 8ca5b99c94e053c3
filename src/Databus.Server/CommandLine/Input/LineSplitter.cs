namespace Databus.Server.CommandLine.Input;

/// <summary>NDJSON: an item on each line. Blank lines are nothing; LF and CRLF both end a line.</summary>
internal sealed class LineSplitter(InputPosition start) : ItemSplitter(start)
{
    protected override int Take(ReadOnlySpan<byte> bytes, Chunk chunk)
    {
        int used = 0;
        while (used < bytes.Length && !chunk.IsFull)
        {
            ReadOnlySpan<byte> rest = bytes[used..];
            int feed = rest.IndexOf((byte)'\n');
            if (feed < 0)
            {
                Keep(rest);
                Offset += rest.Length;
                return bytes.Length;
            }
            Keep(rest[..feed]);
            used += feed + 1;
            Offset += feed + 1;
            Line++;
            EndLine(chunk, Line - 1);
        }
        return used;
    }

    public override void End(Chunk chunk) => EndLine(chunk, Line);

    private void EndLine(Chunk chunk, long line)
    {
        ReadOnlySpan<byte> json = Item.Trim(" \t\r"u8);
        if (json.IsEmpty && !IsSpoiled)
            Forget();
        else
            Finish(chunk, line, json, new InputPosition(Offset, Line, InArray: false));
    }
}
