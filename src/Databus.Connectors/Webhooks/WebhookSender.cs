using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Databus.Connectors.Http;
using Databus.Destinations;
using Databus.Outbox;

namespace Databus.Connectors.Webhooks;

/// <summary>
/// Sends outbox messages as Standard Webhooks: a signed POST of <c>{"type":…,"timestamp":…,"data":…}</c>, where the data is the
/// message, <c>webhook-id</c> its id, the same with every try, and the time in the body that of its recording.
/// </summary>
/// <remarks>
/// Any 2xx is success. A receiver that cannot be reached or answers 429, 502, 503 or 504 is unavailable, and Retry-After is heeded; 410
/// and 413 park the message at once; anything else, redirects included, is a failed attempt. Internal addresses are refused unless
/// <see cref="GuardedHttpOptions.AllowedNetworks"/> says otherwise.
/// </remarks>
public sealed class WebhookSender<T> : IOutboxBatchSender<T>
    where T : notnull
{
    private readonly GuardedHttpClient _http;
    private readonly TimeProvider _time;
    private readonly Uri _address;
    private readonly WebhookSecret[] _secrets;

    internal WebhookSender(GuardedHttpClient http, WebhookOptions options, TimeProvider time)
    {
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        _http = http;
        _time = time;
        _address = options.Address!;
        _secrets = [.. options.Secrets.Select(text => WebhookSecret.TryRead(text, out var secret) ? secret : throw new ArgumentException("A secret cannot be read.", nameof(options)))];
    }

    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken) =>
        Posts.SendAsync(messages.Count, (index, stop) => PostAsync(messages[index], stop), cancellationToken);

    private async Task<SendOutcome> PostAsync(OutboxMessage<T> message, CancellationToken cancellationToken)
    {
        var id = message.Id.ToString();
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds();
        var body = Body(message);
        var result = await _http.PostAsync(
            _address, "application/json", body,
            [
                new("webhook-id", id),
                new("webhook-timestamp", timestamp.ToString(CultureInfo.InvariantCulture)),
                new("webhook-signature", string.Join(' ', _secrets.Select(secret => secret.Sign(id, timestamp, body.Span)))),
            ],
            cancellationToken);
        return PostOutcome.Of(result, _time.GetUtcNow(), static status => status is 410 or 413 ? SendResult.Hopeless : SendResult.Failed);
    }

    private static ReadOnlyMemory<byte> Body(OutboxMessage<T> message)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Json.Length + 256);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", message.Type);
            json.WriteString("timestamp", message.RecordedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WritePropertyName("data");
            json.WriteRawValue(message.Json.Span, skipInputValidation: true);
            json.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }
}
