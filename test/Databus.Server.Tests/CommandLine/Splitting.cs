using System.Text;
using Databus.Server.CommandLine.Input;

namespace Databus.Server.Tests.CommandLine;

/// <summary>Runs a splitter over bytes that come in pieces.</summary>
internal static class Splitting
{
    /// <summary>Each item with its line; a rejected one as <c>!</c> and the reason.</summary>
    public static List<Found> All(ItemSplitter splitter, ReadOnlySpan<byte> input, params int[] pieces)
    {
        var found = new List<Found>();
        var chunk = new Chunk();
        int next = 0;
        while (!input.IsEmpty)
        {
            int length = pieces.Length == 0 ? input.Length : Math.Clamp(pieces[next++ % pieces.Length], 1, input.Length);
            ReadOnlySpan<byte> piece = input[..length];
            input = input[length..];
            while (!piece.IsEmpty)
            {
                piece = piece[splitter.Split(piece, chunk)..];
                if (chunk.IsFull)
                    Empty(chunk, found);
            }
            // As if each piece were a request: places between items are seen that way.
            Empty(chunk, found);
        }
        splitter.End(chunk);
        Empty(chunk, found);
        return found;
    }

    public static List<Found> All(ItemSplitter splitter, string input, params int[] pieces) =>
        All(splitter, Encoding.UTF8.GetBytes(input), pieces);

    private static void Empty(Chunk chunk, List<Found> found)
    {
        IEnumerable<Found> items = Enumerable.Range(0, chunk.Count).Select(i => new Found(
            chunk.Line(i), Encoding.UTF8.GetString(chunk.Body(i, i + 1).Span).TrimEnd('\n'), chunk.EndOf(i)));
        IEnumerable<Found> rejected = chunk.Rejected.Select(rejected => new Found(rejected.Line, "!" + rejected.Error, null));
        found.AddRange(items.Concat(rejected).OrderBy(item => item.Line));
        chunk.Clear();
    }
}

/// <summary>An item, or why it is none. A rejected one has no place of its own.</summary>
internal sealed record Found(long Line, string Text, InputPosition? End);
