using System.Net.Sockets;
using System.Text;

namespace Databus.AspNetCore.Tests;

/// <summary>A connection on which a test sends the bytes itself.</summary>
internal sealed class RawConnection : IDisposable
{
    private readonly TcpClient _client;
    private readonly Stream _stream;

    private RawConnection(TcpClient client)
    {
        _client = client;
        _stream = client.GetStream();
    }

    public static async Task<RawConnection> OpenAsync(DatabusApp app)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(app.Address.Host, app.Address.Port);
        return new RawConnection(client);
    }

    /// <summary>Sends lines and the blank line behind them.</summary>
    public Task SendHeadAsync(params string[] lines) => SendAsync(string.Join("\r\n", lines) + "\r\n\r\n");

    public async Task SendAsync(string text)
    {
        await _stream.WriteAsync(Encoding.UTF8.GetBytes(text));
        await _stream.FlushAsync();
    }

    /// <summary>Reads an answer with a Content-Length or chunks; gives its status and all that came until it was complete.</summary>
    public async Task<(int Status, string Text)> ReceiveAsync()
    {
        var text = new StringBuilder();
        var buffer = new byte[4096];
        while (!IsComplete(text.ToString()))
        {
            var count = await _stream.ReadAsync(buffer);
            if (count == 0)
                break;
            text.Append(Encoding.UTF8.GetString(buffer, 0, count));
        }

        var answer = text.ToString();
        return (answer.Length > 12 ? int.Parse(answer.AsSpan(9, 3)) : 0, answer);
    }

    /// <summary>Cuts it off in the middle, as a crashed client does.</summary>
    public void Reset()
    {
        _client.Client.LingerState = new LingerOption(enable: true, seconds: 0);
        _client.Close();
    }

    public void Dispose() => _client.Dispose();

    private static bool IsComplete(string answer)
    {
        var head = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (head < 0)
            return false;
        const string Length = "Content-Length: ";
        var length = answer.IndexOf(Length, StringComparison.OrdinalIgnoreCase);
        return length >= 0 && length < head
            ? Encoding.UTF8.GetByteCount(answer.AsSpan(head + 4)) >= int.Parse(answer.AsSpan(length + Length.Length, answer.IndexOf('\r', length) - length - Length.Length))
            : answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal);
    }
}
