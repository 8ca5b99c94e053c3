using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Databus.Server.CommandLine.Client;

/// <summary>Requests to one Databus server, over TCP or over its control socket.</summary>
internal sealed class ServerConnection : IDisposable
{
    /// <summary>So long a server may take to answer, beyond what it was asked to wait.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(100);

    private readonly HttpClient _http;
    private readonly string _address;

    private ServerConnection(SocketsHttpHandler handler, Uri url, string address)
    {
        handler.AllowAutoRedirect = false;
        handler.UseCookies = false;
        _address = address;
        _http = new HttpClient(handler) { BaseAddress = url, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>Connects to the server at <paramref name="url"/>; its path, if any, is where Databus is mounted.</summary>
    public static ServerConnection To(Uri url, string? token)
    {
        // A proxy set for the web knows nothing of this machine's own servers.
        var handler = new SocketsHttpHandler { UseProxy = !url.IsLoopback };
        string root = url.AbsoluteUri.EndsWith('/') ? url.AbsoluteUri : url.AbsoluteUri + "/";
        var connection = new ServerConnection(handler, new Uri(root), url.GetLeftPart(UriPartial.Authority));
        if (token is not null)
            connection._http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return connection;
    }

    /// <summary>Connects to the server on this machine that has a store open for itself; null when there is none.</summary>
    public static async Task<ServerConnection?> ToControlSocketAsync(string? path, CancellationToken stop)
    {
        if (path is null || !File.Exists(path))
            return null;
        try
        {
            // A socket that was left behind by a killed server is a file like any other: only connecting tells.
            (await ConnectAsync(path, stop)).Dispose();
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return null;
        }
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, token) => new NetworkStream(await ConnectAsync(path, token), ownsSocket: true),
        };
        return new ServerConnection(handler, new Uri("http://localhost/"), path);
    }

    public void Dispose() => _http.Dispose();

    public Task<ServerAnswer> GetAsync(string path, CancellationToken stop) =>
        SendAsync(HttpMethod.Get, path, null, TimeSpan.Zero, stop);

    public Task<ServerAnswer> DeleteAsync(string path, CancellationToken stop) =>
        SendAsync(HttpMethod.Delete, path, null, TimeSpan.Zero, stop);

    public Task<ServerAnswer> PostAsync(string path, CancellationToken stop) =>
        SendAsync(HttpMethod.Post, path, null, TimeSpan.Zero, stop);

    public Task<ServerAnswer> PostAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken stop) =>
        SendAsync(HttpMethod.Post, path, Json(body, type), TimeSpan.Zero, stop);

    public Task<ServerAnswer> PutAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken stop) =>
        SendAsync(HttpMethod.Put, path, Json(body, type), TimeSpan.Zero, stop);

    /// <summary>As <c>PostAsync</c>, where the server was asked to wait for something to happen.</summary>
    public Task<ServerAnswer> LongPollAsync<T>(
        string path, T body, JsonTypeInfo<T> type, TimeSpan wait, CancellationToken stop) =>
        SendAsync(HttpMethod.Post, path, Json(body, type), wait, stop);

    /// <summary>As <c>GetAsync</c>, where the server was asked to wait for something to happen.</summary>
    public Task<ServerAnswer> LongPollAsync(string path, TimeSpan wait, CancellationToken stop) =>
        SendAsync(HttpMethod.Get, path, null, wait, stop);

    /// <summary>Posts JSON as it is.</summary>
    public Task<ServerAnswer> PostJsonAsync(string path, ReadOnlyMemory<byte> json, CancellationToken stop)
    {
        var content = new ReadOnlyMemoryContent(json);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return SendAsync(HttpMethod.Post, path, content, TimeSpan.Zero, stop);
    }

    /// <summary>Posts lines of JSON.</summary>
    public Task<ServerAnswer> PostLinesAsync(string path, ReadOnlyMemory<byte> lines, CancellationToken stop)
    {
        var content = new ReadOnlyMemoryContent(lines);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        return SendAsync(HttpMethod.Post, path, content, TimeSpan.Zero, stop);
    }

    private static ByteArrayContent Json<T>(T body, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private static async Task<Socket> ConnectAsync(string path, CancellationToken stop)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<ServerAnswer> SendAsync(
        HttpMethod method, string path, HttpContent? content, TimeSpan wait, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = content };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(wait + Patience);
        try
        {
            using HttpResponseMessage response = await _http.SendAsync(request, limit.Token);
            byte[] body = await response.Content.ReadAsByteArrayAsync(limit.Token);
            return new ServerAnswer(response.StatusCode, body, RetryAfter(response));
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw new ServerUnreachable(_address, "it did not answer in time.", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new ServerUnreachable(_address, Reason(e), e);
        }
    }

    private static string Reason(Exception e) => e.GetBaseException() switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "connection refused. Is `databus serve` running?",
        SocketException { SocketErrorCode: SocketError.HostNotFound } => "there is no such host.",
        var cause => $"{cause.Message.TrimEnd('.')}.",
    };

    private static TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        RetryConditionHeaderValue? header = response.Headers.RetryAfter;
        if (header?.Delta is TimeSpan delta)
            return delta;
        // Measured by the server's clock where it tells it: this machine's may be wrong.
        return header?.Date is DateTimeOffset date && response.Headers.Date is DateTimeOffset now && date > now
            ? date - now
            : null;
    }
}
