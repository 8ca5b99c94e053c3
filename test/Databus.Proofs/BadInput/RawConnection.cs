using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Databus.Proofs.BadInput;

/// <summary>HTTP over a socket, without the care a client takes. Connects again whenever the server closed.</summary>
internal sealed class RawConnection(Uri address) : IDisposable
{
    private const int MostBytes = 64 << 20;

    private readonly byte[] _buffer = new byte[64 << 10];
    private Socket? _socket;
    private int _start;
    private int _end;

    public string Host => address.Authority;

    public async Task<RawAnswer> SendAsync(byte[] request, bool isHead, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(limit);
        var isFresh = _socket is null;
        try
        {
            var answer = await TryAsync(request, isHead, late.Token);

            // The server may have closed a connection that was idle, before it saw the request.
            return answer.Status == RawAnswer.Closed && !isFresh ? await TryAsync(request, isHead, late.Token) : answer;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            Disconnect();
            return Without(RawAnswer.Late);
        }
    }

    public void Dispose() => Disconnect();

    private static RawAnswer Without(int status) => new(status, new Dictionary<string, string>(StringComparer.Ordinal), "");

    private async Task<RawAnswer> TryAsync(byte[] request, bool isHead, CancellationToken cancellationToken)
    {
        try
        {
            if (_socket is null)
            {
                _socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await _socket.ConnectAsync(address.Host, address.Port, cancellationToken);
            }

            // Read while it is sent: the server may refuse a body before its end.
            var sending = SendAllAsync(_socket, request, cancellationToken);
            var answer = await ReadAnswerAsync(isHead, cancellationToken);
            if (!sending.IsCompleted)
                Disconnect();
            await sending;
            return answer;
        }
        catch (Exception error) when (error is SocketException or EndOfStreamException)
        {
            Disconnect();
            return Without(RawAnswer.Closed);
        }
    }

    private static async Task SendAllAsync(Socket socket, byte[] request, CancellationToken cancellationToken)
    {
        try
        {
            for (var sent = 0; sent < request.Length;)
                sent += await socket.SendAsync(request.AsMemory(sent), cancellationToken);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // What the server answers, or that it does not, is what counts.
        }
    }

    private async Task<RawAnswer> ReadAnswerAsync(bool isHead, CancellationToken cancellationToken)
    {
        while (true)
        {
            var statusLine = await ReadLineAsync(cancellationToken);
            if (statusLine.Split(' ') is not [_, var code, ..] || !int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var status))
                throw new InvalidDataException($"The server answered by {statusLine}");
            var headers = new Dictionary<string, string>(StringComparer.Ordinal);
            while (await ReadLineAsync(cancellationToken) is { Length: > 0 } line)
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                headers[line[..colon].ToLowerInvariant()] = line[(colon + 1)..].Trim();
            }

            if (status is >= 100 and < 200)
                continue;
            var body = isHead || status is 204 or 304 ? "" : await ReadBodyAsync(headers, cancellationToken);
            if (headers.GetValueOrDefault("connection") == "close")
                Disconnect();
            return new RawAnswer(status, headers, body);
        }
    }

    private async Task<string> ReadBodyAsync(Dictionary<string, string> headers, CancellationToken cancellationToken)
    {
        if (headers.GetValueOrDefault("content-type")?.StartsWith("text/event-stream", StringComparison.Ordinal) == true)
        {
            Disconnect();
            return "";
        }

        if (headers.TryGetValue("content-length", out var length))
            return await ReadTextAsync(int.Parse(length, CultureInfo.InvariantCulture), cancellationToken);
        if (headers.GetValueOrDefault("transfer-encoding") != "chunked")
        {
            Disconnect();
            return "";
        }

        var body = new StringBuilder();
        while (true)
        {
            var size = int.Parse(await ReadLineAsync(cancellationToken), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            body.Append(await ReadTextAsync(size, cancellationToken));
            await ReadLineAsync(cancellationToken);
            if (size == 0)
                return body.ToString();
        }
    }

    private async Task<string> ReadTextAsync(int length, CancellationToken cancellationToken)
    {
        if (length > MostBytes)
            throw new InvalidDataException($"The server sends {length} bytes.");
        var bytes = new byte[length];
        for (var position = 0; position < length;)
        {
            await FillAsync(cancellationToken);
            var part = Math.Min(length - position, _end - _start);
            _buffer.AsSpan(_start, part).CopyTo(bytes.AsSpan(position));
            _start += part;
            position += part;
        }

        return Encoding.UTF8.GetString(bytes);
    }

    private async Task<string> ReadLineAsync(CancellationToken cancellationToken)
    {
        var line = new StringBuilder();
        while (true)
        {
            await FillAsync(cancellationToken);
            var here = _buffer.AsSpan(_start, _end - _start);
            var newLine = here.IndexOf((byte)'\n');
            line.Append(Encoding.Latin1.GetString(newLine < 0 ? here : here[..newLine]));
            _start = newLine < 0 ? _end : _start + newLine + 1;
            if (newLine >= 0)
                return line.ToString().TrimEnd('\r');
            if (line.Length > _buffer.Length)
                throw new InvalidDataException("The server sends a line without end.");
        }
    }

    private async Task FillAsync(CancellationToken cancellationToken)
    {
        if (_start < _end)
            return;
        _start = 0;
        _end = 0;
        _end = _socket is null ? 0 : await _socket.ReceiveAsync(_buffer, cancellationToken);
        if (_end == 0)
            throw new EndOfStreamException();
    }

    private void Disconnect()
    {
        _socket?.Dispose();
        _socket = null;
        _start = 0;
        _end = 0;
    }
}
