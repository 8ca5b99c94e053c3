using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Databus.Proofs.Http;

/// <summary>Speaks the HTTP contract, and knows nothing of the server but that.</summary>
internal sealed class BusClient : IDisposable
{
    private const int PageSize = 500;

    private readonly HttpClient _http;

    public BusClient(Uri address, TimeSpan timeout) => _http = new HttpClient(
        new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false })
    {
        BaseAddress = address,
        Timeout = timeout,
    };

    public void Dispose() => _http.Dispose();

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await SendAsync(HttpMethod.Get, "health/ready", body: null, cancellationToken)).Status == 200;
        }
        catch (Exception error) when (IsCut(error, cancellationToken))
        {
            return false;
        }
    }

    /// <summary>True: the request ended without an answer, for a reason outside this process.</summary>
    public static bool IsCut(Exception error, CancellationToken cancellationToken) =>
        error is HttpRequestException or IOException
        || (error is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    public async Task<Answer> SendAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body };
        return await SendAsync(request, cancellationToken);
    }

    public Task<Answer> SendJsonAsync(HttpMethod method, string path, object body, CancellationToken cancellationToken) =>
        SendAsync(method, path, JsonContent.Create(body), cancellationToken);

    /// <summary>One object to <c>/add</c>.</summary>
    /// <param name="idempotencyKey">The key the sender gives, or null for the topic's rule.</param>
    public async Task<AddAnswer> AddAsync(
        string topic, byte[] content, string? idempotencyKey, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"add?topic={topic}") { Content = Json(content) };
        if (idempotencyKey is not null)
            request.Headers.Add("Idempotency-Key", $"\"{idempotencyKey}\"");
        try
        {
            var answer = await SendAsync(request, cancellationToken);
            return answer.Status switch
            {
                201 => new AddAnswer(AddResult.Added, answer.Id(), 201),
                409 => new AddAnswer(AddResult.Duplicate, answer.Id(), 409),
                _ when answer.IsUncertain => new AddAnswer(AddResult.Unknown, Status: answer.Status),
                _ => new AddAnswer(AddResult.Refused, Status: answer.Status),
            };
        }
        catch (Exception error) when (IsCut(error, cancellationToken))
        {
            return new AddAnswer(WithoutAnswer(error));
        }
    }

    /// <summary>Lines of JSON.</summary>
    public async Task<BulkAnswer> AddLinesAsync(string topic, HttpContent lines, CancellationToken cancellationToken)
    {
        lines.Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        try
        {
            var answer = await SendAsync(HttpMethod.Post, $"api/v1/topics/{topic}/items", lines, cancellationToken);
            return answer.Status == 200
                ? new BulkAnswer(
                    AddResult.Added, answer.LongNumber("added"), answer.LongNumber("duplicates"), answer.LongNumber("invalid"), 200)
                : new BulkAnswer(answer.IsUncertain ? AddResult.Unknown : AddResult.Refused, Status: answer.Status);
        }
        catch (Exception error) when (IsCut(error, cancellationToken))
        {
            return new BulkAnswer(WithoutAnswer(error));
        }
    }

    public Task<Answer> PutTopicAsync(string topic, CancellationToken cancellationToken) =>
        SendJsonAsync(HttpMethod.Put, $"api/v1/topics/{topic}", new { }, cancellationToken);

    public Task<Answer> PutSubscriptionAsync(
        string topic, string subscription, int leaseSeconds, int maxAttempts, CancellationToken cancellationToken) =>
        SendJsonAsync(
            HttpMethod.Put, Subscription(topic, subscription), new { start = "beginning", leaseSeconds, maxAttempts }, cancellationToken);

    public Task<Answer> GetSubscriptionAsync(string topic, string subscription, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Get, Subscription(topic, subscription), body: null, cancellationToken);

    /// <summary>A page of the log: the elements of <c>items</c>.</summary>
    public async Task<IReadOnlyList<JsonElement>> ReadAsync(string topic, long after, int limit, CancellationToken cancellationToken)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"api/v1/topics/{topic}/items?after={after}&limit={limit}");
        var answer = await SendAsync(HttpMethod.Get, path, body: null, cancellationToken);
        if (answer.Status == 404)
            return [];
        return [.. answer.EnsureSuccess().Body.GetProperty("items").EnumerateArray()];
    }

    /// <summary>The log from an id on, up to where it ends now.</summary>
    public async IAsyncEnumerable<JsonElement> ReadAllAsync(
        string topic, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (true)
        {
            var page = await ReadAsync(topic, after, PageSize, cancellationToken);
            foreach (var item in page)
                yield return item;
            if (page.Count == 0)
                yield break;
            after = Answer.ReadId(page[^1]);
        }
    }

    public async Task<IReadOnlyList<Delivery>> FetchAsync(
        string topic, string subscription, int max, int waitSeconds, int leaseSeconds, CancellationToken cancellationToken)
    {
        var answer = await SendJsonAsync(
            HttpMethod.Post, Subscription(topic, subscription) + "/fetch", new { max, waitSeconds, leaseSeconds }, cancellationToken);
        return
        [
            .. answer.EnsureSuccess().Body.GetProperty("items").EnumerateArray().Select(item => new Delivery(
                Answer.ReadId(item),
                item.GetProperty("content"),
                item.GetProperty("attempt").GetInt32(),
                item.GetProperty("token").GetString()!)),
        ];
    }

    /// <summary>The tokens that were lost.</summary>
    public async Task<IReadOnlyList<string>> AcknowledgeAsync(
        string topic, string subscription, IEnumerable<string> tokens, CancellationToken cancellationToken)
    {
        var answer = await SendJsonAsync(HttpMethod.Post, Subscription(topic, subscription) + "/ack", new { tokens }, cancellationToken);
        return Lost(answer);
    }

    /// <summary>The tokens that were lost.</summary>
    public async Task<IReadOnlyList<string>> ReturnAsync(
        string topic, string subscription, IEnumerable<string> tokens, string reason, CancellationToken cancellationToken)
    {
        var answer = await SendJsonAsync(
            HttpMethod.Post, Subscription(topic, subscription) + "/nack", new { tokens, delaySeconds = 0, reason }, cancellationToken);
        return Lost(answer);
    }

    /// <summary>The body of the topic's server-sent events, from the first frame on.</summary>
    /// <param name="after">As <c>?after=</c>, or null.</param>
    /// <param name="lastEventId">As the header, or null.</param>
    /// <exception cref="HttpRequestException">No connection, or another answer than a stream of events.</exception>
    public async Task<Stream> OpenEventsAsync(string topic, long? after, string? lastEventId, CancellationToken cancellationToken)
    {
        var path = $"api/v1/topics/{topic}/events";
        if (after is not null)
            path += string.Create(CultureInfo.InvariantCulture, $"?after={after}");
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK && response.Content.Headers.ContentType?.MediaType == "text/event-stream")
            return await response.Content.ReadAsStreamAsync(cancellationToken);
        var status = (int)response.StatusCode;
        response.Dispose();
        throw new HttpRequestException($"{status} instead of a stream of events");
    }

    public static ByteArrayContent Json(byte[] content) =>
        new(content) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    private static string Subscription(string topic, string subscription) => $"api/v1/topics/{topic}/subscriptions/{subscription}";

    private static List<string> Lost(Answer answer) =>
        [.. answer.EnsureSuccess().Body.GetProperty("lost").EnumerateArray().Select(token => token.GetString()!)];

    private static AddResult WithoutAnswer(Exception error) =>
        error is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } ? AddResult.NotSent : AddResult.Unknown;

    private async Task<Answer> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using var response = await _http.SendAsync(request, cancellationToken);
        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken);
        var isJson = bytes.Length > 0 && response.Content.Headers.ContentType?.MediaType?.EndsWith("json", StringComparison.Ordinal) == true;
        return new Answer((int)response.StatusCode, isJson ? JsonElement.Parse(bytes) : default);
    }
}
