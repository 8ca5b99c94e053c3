using System.Diagnostics.Metrics;
using System.Text;
using Databus.Json;
using Databus.Storage;
using Databus.Telemetry;
using Databus.Topics;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Databus.Redis.Tests;

/// <summary>The part of a node that appends: a log over a store, with the filter of known keys before it.</summary>
internal sealed class Node : IAsyncDisposable
{
    private readonly IStore _store;
    private readonly DatabusMeter _meter = new(TimeProvider.System);
    private readonly MeterListener _listener = new();
    private long _sharedHits;
    private long _misses;

    private Node(IStore store, RedisKeys? redis, int recentKeys)
    {
        _store = store;
        Redis = redis;
        Log = new TopicLog(store, new TopicSignals(), new KnownKeys(store, recentKeys, redis, _meter), _meter);
        Listen();
    }

    public IStore Store => _store;

    public TopicLog Log { get; }

    public RedisKeys? Redis { get; }

    /// <summary>Items that Redis knew.</summary>
    public long SharedHits => Interlocked.Read(ref _sharedHits);

    /// <summary>Items for which the store was asked.</summary>
    public long Misses => Interlocked.Read(ref _misses);

    /// <summary>A node on a store that is open, which ends with it.</summary>
    /// <param name="recentKeys">How many keys the node remembers itself; 0 leaves all to Redis.</param>
    public static async Task<Node> StartAsync(IStore store, RedisOptions? redis, int recentKeys = 0)
    {
        var keys = redis is null ? null : new RedisKeys(Options.Create(redis), TimeProvider.System, NullLogger<RedisKeys>.Instance);
        if (keys is not null)
            await keys.StartAsync(CancellationToken.None);
        return new Node(store, keys, recentKeys);
    }

    public async Task<Topic> TopicAsync(string name = "letters") => await Log.GetOrCreateAsync(name, CancellationToken.None);

    /// <summary>Appends items with these numbers as keys, in one call.</summary>
    public Task<AppendOutcome[]> AppendAsync(Topic topic, params int[] keys) => Log.AppendAsync(topic, [.. keys.Select(Item)], CancellationToken.None);

    public async Task<AppendOutcome> AppendOneAsync(Topic topic, int key) => (await AppendAsync(topic, key))[0];

    public async ValueTask DisposeAsync()
    {
        if (Redis is not null)
        {
            await Redis.StopAsync(CancellationToken.None);
            Redis.Dispose();
        }

        _listener.Dispose();
        _meter.Dispose();
        await _store.DisposeAsync();
    }

    private static NewItem Item(int key) =>
        new(Encoding.UTF8.GetBytes($$"""{"key":{{key}}}"""), KeyHash.FromText($"{key}"), $"{key}", Source: null);

    private void Listen()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == _meter)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            if (instrument.Name == "databus.filter.misses")
                Interlocked.Add(ref _misses, count);
            else if (instrument.Name == "databus.filter.hits" && tags.Contains(new KeyValuePair<string, object?>("databus.filter", "shared")))
                Interlocked.Add(ref _sharedHits, count);
        });
        _listener.Start();
    }
}
