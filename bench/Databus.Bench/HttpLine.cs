using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Databus.Bench;

/// <summary>
/// One kept-alive HTTP/1.1 connection that costs next to nothing, so that on few processors the figure is the server's
/// and not the client's.
/// </summary>
internal sealed class HttpLine : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _answer = new byte[1 << 20];
    private readonly string _host;
    private byte[] _request = new byte[4096];

    private HttpLine(string host) => _host = host;

    public static async Task<HttpLine> OpenAsync(Uri address)
    {
        var line = new HttpLine(address.Authority);
        await line._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, address.Port));
        return line;
    }

    /// <summary>The first line of the answer's status, and its body.</summary>
    public async Task<(int Status, ReadOnlyMemory<byte> Body)> PostAsync(string path, ReadOnlyMemory<byte> body, string contentType = "application/json")
    {
        await SendAsync(path, body, contentType);
        return await ReceiveAsync();
    }

    public async Task SendAsync(string path, ReadOnlyMemory<byte> body, string contentType)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture, $"POST {path} HTTP/1.1\r\nHost: {_host}\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n");
        if (_request.Length < head.Length + body.Length)
            _request = new byte[head.Length + body.Length];
        var length = Encoding.ASCII.GetBytes(head, _request);
        body.CopyTo(_request.AsMemory(length));
        for (var sent = 0; sent < length + body.Length;)
            sent += await _socket.SendAsync(_request.AsMemory(sent, length + body.Length - sent));
    }

    public async Task<(int Status, ReadOnlyMemory<byte> Body)> ReceiveAsync()
    {
        var length = 0;
        while (true)
        {
            var received = await _socket.ReceiveAsync(_answer.AsMemory(length));
            if (received == 0)
                throw new IOException("The server closed the connection.");
            length += received;
            if (TryRead(length) is { } answer)
                return answer;
        }
    }

    public void Dispose() => _socket.Dispose();

    private (int Status, ReadOnlyMemory<byte> Body)? TryRead(int length)
    {
        var text = _answer.AsSpan(0, length);
        var head = text.IndexOf("\r\n\r\n"u8);
        if (head < 0)
            return null;
        var status = ((text[9] - '0') * 100) + ((text[10] - '0') * 10) + (text[11] - '0');
        var start = head + 4;
        var field = text[..head].IndexOf("Content-Length: "u8);
        if (field < 0)
            return text.EndsWith("\r\n0\r\n\r\n"u8) ? (status, _answer.AsMemory(start, length - start)) : null;

        var size = 0;
        for (var i = field + "Content-Length: ".Length; text[i] is >= (byte)'0' and <= (byte)'9'; i++)
            size = (size * 10) + text[i] - '0';
        return length >= start + size ? (status, _answer.AsMemory(start, size)) : null;
    }
}
