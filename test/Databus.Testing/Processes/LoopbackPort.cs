using System.Net;
using System.Net.Sockets;

namespace Databus.Testing.Processes;

/// <summary>
/// A free port below the range outgoing connections take theirs from: while the server is down, a client that keeps
/// trying could otherwise be given the server's own port, and connect to itself. No port is given twice in a process,
/// so a server that was killed finds its own still free.
/// </summary>
public static class LoopbackPort
{
    private static readonly Lock Gate = new();
    private static readonly HashSet<int> Given = [];

    public static int Find()
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            if (IsFree(port) && IsNew(port))
                return port;
        }

        throw new InvalidOperationException("No free loopback port was found.");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool IsNew(int port)
    {
        lock (Gate)
            return Given.Add(port);
    }
}
