using System.Net;

namespace Databus.AspNetCore.Tests;

/// <summary>A body without Content-Length, sent in pieces.</summary>
internal sealed class UnknownLength(byte[] bytes, int pieceBytes = 65_536) : HttpContent
{
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        foreach (var piece in bytes.Chunk(pieceBytes))
        {
            await stream.WriteAsync(piece);
            await stream.FlushAsync();
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
