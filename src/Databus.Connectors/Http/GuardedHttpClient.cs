using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.Http;

/// <summary>
/// The one HTTP client of all connectors. It judges the resolved address and connects to exactly that
/// one, so that a name cannot change its meaning in between; it follows redirects itself and judges each
/// of them again; and it bounds bytes and time. HTTP/3 and proxies would go around the connection
/// callback, so neither is used.
/// </summary>
internal sealed class GuardedHttpClient : IDisposable
{
    private readonly GuardedHttpOptions _options;
    private readonly TimeProvider _time;
    private readonly AddressGuard _guard;
    private readonly Func<string, CancellationToken, Task<IPAddress[]>> _resolve;
    private readonly HttpMessageInvoker _http;

    public GuardedHttpClient(IOptions<GuardedHttpOptions> options, TimeProvider time)
        : this(options.Value, time, Dns.GetHostAddressesAsync)
    {
    }

    internal GuardedHttpClient(
        GuardedHttpOptions options, TimeProvider time, Func<string, CancellationToken, Task<IPAddress[]>> resolve)
    {
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        _options = options;
        _time = time;
        _guard = new AddressGuard(options.AllowedNetworks);
        _resolve = resolve;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = ConnectAsync,
            ConnectTimeout = options.ConnectTimeout,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.All,
            // Nobody outside is to learn the trace that a fetch belongs to.
            ActivityHeadersPropagator = null,
            MaxConnectionsPerServer = 8,
            MaxResponseDrainSize = 0,
            PooledConnectionLifetime = TimeSpan.FromMinutes(2),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            // One byte is one char in both directions: an ETag comes back exactly as it was sent.
            RequestHeaderEncodingSelector = (_, _) => Encoding.Latin1,
            ResponseHeaderEncodingSelector = (_, _) => Encoding.Latin1,
        });
    }

    public void Dispose() => _http.Dispose();

    /// <summary>
    /// Gets one document. Everything that the other side, the network or the guard says no to is a
    /// <see cref="FetchFailure"/>; only the caller's own cancellation is thrown.
    /// </summary>
    public Task<FetchResult> GetAsync(Uri address, string accept, Validators? validators, CancellationToken cancellationToken) =>
        GuardAsync(cancellation => FollowAsync(address, accept, validators, cancellation), cancellationToken);

    /// <summary>
    /// Posts one body. A redirect is an answer like any other: what is posted goes to the address that was given, or nowhere. Of the
    /// answer's body only the beginning is read, for the operator. Otherwise as <see cref="GetAsync"/>.
    /// </summary>
    /// <param name="headers">Besides Content-Type and User-Agent; ASCII.</param>
    public Task<FetchResult> PostAsync(
        Uri address, string contentType, ReadOnlyMemory<byte> body, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancellationToken) =>
        GuardAsync(cancellation => PostOnceAsync(address, contentType, body, headers, cancellation), cancellationToken);

    /// <summary>Bounds the time, and makes a <see cref="FetchFailure"/> of everything that the outside does wrong.</summary>
    private async Task<FetchResult> GuardAsync(Func<CancellationToken, Task<FetchResult>> request, CancellationToken cancellationToken)
    {
        using var deadline = new CancellationTokenSource(_options.Timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        try
        {
            return await request(both.Token);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (Exception error) when (deadline.IsCancellationRequested && IsOfTheOutside(error))
        {
            return new FetchFailure(
                $"The server did not send its whole answer within {_options.Timeout.TotalSeconds:0.###} s.");
        }
        catch (Exception error) when (IsOfTheOutside(error))
        {
            return new FetchFailure(Explain(error), IsRefusal(error)) { IsUnreachable = IsUnreachable(error) };
        }
    }

    private async Task<FetchResult> PostOnceAsync(
        Uri address, string contentType, ReadOnlyMemory<byte> body, IReadOnlyList<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        if (FindFault(address) is { } fault)
            return new FetchFailure(fault, IsFinal: true) { IsUnreachable = true };
        using var request = new HttpRequestMessage(HttpMethod.Post, address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = new ReadOnlyMemoryContent(body),
        };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        request.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
        foreach (var (name, value) in headers)
            request.Headers.TryAddWithoutValidation(name, value);
        using var response = await _http.SendAsync(request, cancellationToken);
        var received = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        AddTo(received, response.Headers.NonValidated);
        AddTo(received, response.Content.Headers.NonValidated);
        var beginning = response.IsSuccessStatusCode ? default : await ReadBeginningAsync(response, cancellationToken);
        return new FetchAnswer((int)response.StatusCode, address, received, beginning);
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBeginningAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        const int Most = 2048;
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[Most];
        return buffer.AsMemory(0, await stream.ReadAtLeastAsync(buffer, Most, throwOnEndOfStream: false, cancellationToken));
    }

    private async Task<FetchResult> FollowAsync(
        Uri address, string accept, Validators? validators, CancellationToken cancellationToken)
    {
        var permanent = true;
        var start = address;
        for (var redirects = 0; ; redirects++)
        {
            if (FindFault(address) is { } fault)
                return new FetchFailure(fault, IsFinal: true);
            using var request = CreateRequest(address, accept, validators);
            using var response = await _http.SendAsync(request, cancellationToken);
            if (!IsRedirect(response.StatusCode) || FirstHeader(response.Headers, "Location") is not { } location)
            {
                return await ReadAnswerAsync(response, address, cancellationToken) switch
                {
                    FetchAnswer answer => answer with
                    {
                        MovedTo = permanent && redirects > 0 && address != start ? address : null,
                        Detoured = !permanent,
                    },
                    var failure => failure,
                };
            }
            if (redirects == _options.MaxRedirects)
                return new FetchFailure($"The server redirected more than {_options.MaxRedirects} times.", IsFinal: true);
            if (UriReference.Resolve(address, FromUtf8(location)) is not { } next)
                return new FetchFailure("The server redirected to something that is not an address.", IsFinal: true);
            if (address.Scheme == Uri.UriSchemeHttps && next.Scheme == Uri.UriSchemeHttp)
                return new FetchFailure("The server redirected from https to http, which is not followed.", IsFinal: true);
            permanent &= response.StatusCode is HttpStatusCode.MovedPermanently or HttpStatusCode.PermanentRedirect;
            address = next;
        }
    }

    private static string? FindFault(Uri address)
    {
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
            return "Only http and https addresses are read.";
        if (address.UserInfo.Length > 0)
            return "The address carries a user name or password, which is not supported.";
        return address.IdnHost.Length == 0 ? "The address names no host." : null;
    }

    private HttpRequestMessage CreateRequest(Uri address, string accept, Validators? validators)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        request.Headers.TryAddWithoutValidation("User-Agent", _options.UserAgent);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        if (validators?.Address == address)
        {
            if (validators.ETag is { } etag)
                request.Headers.TryAddWithoutValidation("If-None-Match", etag);
            if (validators.LastModified is { } lastModified)
                request.Headers.TryAddWithoutValidation("If-Modified-Since", lastModified);
        }
        return request;
    }

    private async ValueTask<Stream> ConnectAsync(
        SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var host = context.DnsEndPoint.Host;
        var addresses = IPAddress.TryParse(host, out var literal)
            ? [literal]
            : await _resolve(host, cancellationToken);
        if (addresses.Length == 0)
            throw new SocketException((int)SocketError.HostNotFound);
        var allowed = Array.FindAll(addresses, _guard.Allows);
        if (allowed.Length == 0)
            throw new AddressRefusedException(addresses[0]);
        var socket = await ConnectToFirstAsync(allowed, context.DnsEndPoint.Port, cancellationToken);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<Socket> ConnectToFirstAsync(
        IPAddress[] addresses, int port, CancellationToken cancellationToken)
    {
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), cancellationToken);
                return socket;
            }
            catch (SocketException) when (i + 1 < addresses.Length)
            {
                // The next address may answer.
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private async Task<FetchResult> ReadAnswerAsync(
        HttpResponseMessage response, Uri address, CancellationToken cancellationToken)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        AddTo(headers, response.Headers.NonValidated);
        AddTo(headers, response.Content.Headers.NonValidated);
        if (response.StatusCode != HttpStatusCode.OK)
            return new FetchAnswer((int)response.StatusCode, address, headers, default);
        // The handler takes the header away with each encoding that it undoes.
        if (headers.TryGetValue("Content-Encoding", out var encoding)
            && !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase))
        {
            return new FetchFailure("The server used a compression that is not supported.", IsFinal: true);
        }
        var tooLarge = new FetchFailure(
            $"The document is larger than the {_options.MaxResponseBytes} bytes that are allowed.", IsFinal: true);
        if (response.Content.Headers.ContentLength > _options.MaxResponseBytes)
            return tooLarge;

        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[16 * 1024];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0)
                return new FetchAnswer(200, address, headers, buffer.AsMemory(0, length));
            length += read;
            if (length > _options.MaxResponseBytes)
                return tooLarge;
            if (length == buffer.Length)
                Array.Resize(ref buffer, (int)Math.Min(buffer.Length * 2L, _options.MaxResponseBytes + 1L));
        }
    }

    private static void AddTo(Dictionary<string, string> headers, HttpHeadersNonValidated received)
    {
        foreach (var (name, values) in received)
        {
            // A list header may be split over lines; of any other, only the first value counts.
            var isList = name.Equals("Cache-Control", StringComparison.OrdinalIgnoreCase);
            headers[name] = isList ? string.Join(", ", values) : values.First();
        }
    }

    private static string? FirstHeader(HttpHeaders headers, string name) =>
        headers.NonValidated.TryGetValues(name, out var values) ? values.First() : null;

    private static bool IsRedirect(HttpStatusCode status) => (int)status is 301 or 302 or 303 or 307 or 308;

    // A Location with raw UTF-8 in it is common, though not allowed.
    private static string FromUtf8(string latin1) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(latin1));

    private static bool IsOfTheOutside(Exception error) =>
        error is HttpRequestException or IOException or SocketException or InvalidDataException
            or OperationCanceledException or AuthenticationException or UriFormatException
            or NotSupportedException or FormatException;

    /// <summary>The server has not seen the request: there was no connection, or none that may be used.</summary>
    private static bool IsUnreachable(Exception error) =>
        IsRefusal(error)
        || error is OperationCanceledException
            or HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError or HttpRequestError.SecureConnectionError };

    private static bool IsRefusal(Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            if (inner is AddressRefusedException)
                return true;
        }

        return false;
    }

    private static string Explain(Exception error)
    {
        for (var inner = error; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case AddressRefusedException:
                    return inner.Message;
                case AuthenticationException:
                    return "The secure connection could not be established; the server's certificate may be wrong.";
                case SocketException socket:
                    return Explain(socket.SocketErrorCode);
                case InvalidDataException:
                    return "The server's answer could not be decompressed.";
            }
        }
        return error switch
        {
            OperationCanceledException => "No connection could be made in time.",
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
                "The name could not be resolved.",
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } =>
                "No connection could be made.",
            HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } =>
                "The server's headers are too large.",
            HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } or
            HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } =>
                "The server broke off its answer.",
            UriFormatException => "The address is not valid.",
            _ => "The server's answer is not valid HTTP.",
        };
    }

    private static string Explain(SocketError error) => error switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery =>
            "The name could not be resolved.",
        SocketError.ConnectionRefused => "The server refused the connection.",
        SocketError.ConnectionReset or SocketError.Shutdown => "The server broke off its answer.",
        SocketError.TimedOut => "No connection could be made in time.",
        _ => "The server could not be reached.",
    };
}
