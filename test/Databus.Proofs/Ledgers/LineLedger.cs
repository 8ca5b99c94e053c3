using System.Net;
using System.Net.Sockets;

namespace Databus.Proofs.Ledgers;

/// <summary>Writes down what other processes tell, a line at a time, outside of all of them, and answers when it has.</summary>
internal sealed class LineLedger : IAsyncDisposable
{
    private readonly Action<string[]> _write;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _listening;

    /// <summary>Listens from now on.</summary>
    /// <param name="write">Takes the words of one line. Called for several lines at once.</param>
    public LineLedger(Action<string[]> write)
    {
        _write = write;
        _listener.Start();
        _listening = Task.Run(ListenAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ListenAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptTcpClientAsync(_stop.Token);
            client.NoDelay = true;
            _ = Task.Run(() => ReadAsync(client));
        }
    }

    private async Task ReadAsync(TcpClient client)
    {
        using var owned = client;
        using var lines = new StreamReader(client.GetStream());
        await using var answers = new StreamWriter(client.GetStream()) { AutoFlush = true, NewLine = "\n" };
        try
        {
            while (await lines.ReadLineAsync(_stop.Token) is { } line)
            {
                _write(line.Split(' '));
                await answers.WriteLineAsync("written");
            }
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            // The node was killed.
        }
    }
}
