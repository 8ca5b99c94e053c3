using System.Net;
using System.Net.Sockets;

namespace Databus.Testing.Servers;

/// <summary>The first words with a server: a port that takes connections is not yet a server that answers.</summary>
internal static class Greeting
{
    private const int LongestAnswer = 256;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(2);

    public static async Task<bool> IsAnsweredAsync(IPEndPoint address, byte[] words, Func<ReadOnlySpan<byte>, bool> isRight)
    {
        using var late = new CancellationTokenSource(Limit);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(address, late.Token);
            await socket.SendAsync(words, late.Token);
            var answer = new byte[LongestAnswer];
            var length = await socket.ReceiveAsync(answer, late.Token);
            return isRight(answer.AsSpan(0, length));
        }
        catch (Exception error) when (error is SocketException or OperationCanceledException)
        {
            return false;
        }
    }
}
