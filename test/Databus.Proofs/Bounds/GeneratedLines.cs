using System.Globalization;
using System.Net;
using System.Text;

namespace Databus.Proofs.Bounds;

/// <summary>NDJSON of any length, made while it is sent: every line another object.</summary>
/// <param name="run">Makes the objects of one stream differ from those of another.</param>
/// <param name="lines">How many lines.</param>
/// <param name="lineBytes">How long each is, about.</param>
internal sealed class GeneratedLines(string run, long lines, int lineBytes) : HttpContent
{
    private const int ChunkBytes = 256 << 10;

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        var padding = new string('x', Math.Max(0, lineBytes - 60));
        var chunk = new StringBuilder(ChunkBytes + lineBytes);
        var buffer = new byte[ChunkBytes + (2 * lineBytes) + 4096];
        for (long line = 0; line < lines; line++)
        {
            chunk.Append(CultureInfo.InvariantCulture, $$"""{"run":"{{run}}","line":{{line}},"text":"{{padding}}"}""").Append('\n');
            if (chunk.Length < ChunkBytes && line + 1 < lines)
                continue;
            var position = 0;
            foreach (var part in chunk.GetChunks())
                position += Encoding.ASCII.GetBytes(part.Span, buffer.AsSpan(position));
            await stream.WriteAsync(buffer.AsMemory(0, position), cancellationToken);
            chunk.Clear();
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
