using Databus.Connectors.Http;
using Databus.Destinations;
using Databus.Outbox;
using Microsoft.Extensions.Options;

namespace Databus.Connectors.RemoteTopics;

/// <summary>
/// Adds outbox messages to a topic of a Databus server over HTTP, each as one item whose key is the message's id, so that what is sent
/// again is a duplicate there and effectively once (P8).
/// </summary>
/// <remarks>
/// A server that cannot be reached, asks for patience, or does not know the token is unavailable; an item that it will never take is
/// parked at once with the server's own words.
/// </remarks>
public sealed class RemoteTopicSender<T> : IOutboxBatchSender<T>
    where T : notnull
{
    private readonly RemoteTopicClient _client;
    private readonly Uri _address;
    private readonly string? _authorization;

    internal RemoteTopicSender(RemoteTopicClient client, RemoteTopicOptions options)
    {
        if (options.FindMistake() is { } mistake)
            throw new ArgumentException(mistake, nameof(options));
        _client = client;
        _address = new Uri($"{options.Server!.AbsoluteUri.TrimEnd('/')}/api/v1/topics/{options.Topic}/items");
        _authorization = options.Token is null ? null : $"Bearer {options.Token}";
    }

    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken) =>
        Posts.SendAsync(messages.Count, (index, stop) => PostAsync(messages[index], stop), cancellationToken);

    private async Task<SendOutcome> PostAsync(OutboxMessage<T> message, CancellationToken cancellationToken)
    {
        var headers = new List<KeyValuePair<string, string>> { new("Idempotency-Key", $"\"{message.Id}\"") };
        if (_authorization is not null)
            headers.Add(new("Authorization", _authorization));
        if (message.TraceParent is { } trace)
            headers.Add(new("traceparent", trace));
        var result = await _client.Http.PostAsync(_address, "application/json", message.Json, headers, cancellationToken);
        return PostOutcome.Of(result, _client.Time.GetUtcNow(), static status => status switch
        {
            // It is there already.
            409 => SendResult.Sent,
            400 or 413 or 415 => SendResult.Hopeless,
            401 or 403 or 404 or 405 or 507 => SendResult.Unavailable,
            _ => SendResult.Failed,
        });
    }
}

/// <summary>The client of all that send to Databus servers. Their addresses are the operator's own, so internal ones are allowed.</summary>
internal sealed class RemoteTopicClient(IOptions<GuardedHttpOptions> limits, TimeProvider time) : IDisposable
{
    private static readonly string[] AllNetworks = ["0.0.0.0/0", "::/0"];

    public GuardedHttpClient Http { get; } = new(Options.Create(Unguarded(limits.Value)), time);

    public TimeProvider Time => time;

    public void Dispose() => Http.Dispose();

    private static GuardedHttpOptions Unguarded(GuardedHttpOptions limits)
    {
        var options = new GuardedHttpOptions { Timeout = limits.Timeout, ConnectTimeout = limits.ConnectTimeout, UserAgent = limits.UserAgent };
        foreach (var network in AllNetworks)
            options.AllowedNetworks.Add(network);
        return options;
    }
}
