using System.Net;
using System.Net.Sockets;

namespace Databus.Proofs.Processes;

/// <summary>
/// A free port below the range outgoing connections take theirs from: while the server is down, a client that keeps
/// trying could otherwise be given the server's own port, and connect to itself.
/// </summary>
internal static class LoopbackPort
{
    public static int Find()
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken; another.
            }
        }

        throw new InvalidOperationException("No free loopback port was found.");
    }
}
