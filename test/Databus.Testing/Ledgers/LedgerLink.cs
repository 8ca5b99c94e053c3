using System.Net;
using System.Net.Sockets;

namespace Databus.Testing.Ledgers;

/// <summary>Tells the ledger, which lives in another process, a line at a time, and goes on when it is written down.</summary>
public sealed class LedgerLink : IDisposable
{
    private readonly TcpClient _client;
    private readonly StreamReader _answers;
    private readonly StreamWriter _lines;
    private readonly SemaphoreSlim _turn = new(1, 1);

    private LedgerLink(TcpClient client)
    {
        _client = client;
        _answers = new StreamReader(client.GetStream());
        _lines = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
    }

    public static async Task<LedgerLink> OpenAsync(int port)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, port);
        return new LedgerLink(client);
    }

    public Task TellAsync(string line) => TellAsync([line]);

    /// <summary>Ends when all of them are written down, in their order.</summary>
    public async Task TellAsync(IReadOnlyList<string> lines)
    {
        await _turn.WaitAsync();
        try
        {
            await _lines.WriteAsync(string.Concat(lines.Select(line => line + "\n")));
            foreach (var _ in lines)
            {
                if (await _answers.ReadLineAsync() is null)
                    throw new IOException("The ledger is gone.");
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _client.Dispose();
        _answers.Dispose();
        _lines.Dispose();
        _turn.Dispose();
    }
}
