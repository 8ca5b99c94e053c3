using System.Text;
using Databus.Json;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Telemetry;
using Databus.Testing;
using Databus.Topics;

namespace Databus.Tests;

/// <summary>The engine on a real store, with a clock that is moved by hand and a probe before the store.</summary>
internal sealed class Engine : IAsyncDisposable
{
    /// <summary>
    /// Milliseconds after which a test has failed: a lost wake-up shows as a wait without end. Nothing waits this long
    /// otherwise.
    /// </summary>
    public const int Patience = 20_000;

    private readonly TemporaryFolder _folder = new();
    private readonly SqliteStore _store;

    private Engine()
    {
        _store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, Clock);
        (Store, Probe) = StoreProbe.Before(_store);
        Meter = new DatabusMeter(Clock);
        Log = new TopicLog(Store, Signals, new KnownKeys(Store, most: 1000, shared: null, Meter), Meter);
        Fetcher = new Fetcher(Store, Signals, Clock);
    }

    public FakeClock Clock { get; } = new();

    public IStore Store { get; }

    public StoreProbe Probe { get; }

    public TopicSignals Signals { get; } = new();

    public TopicLog Log { get; }

    public Fetcher Fetcher { get; }

    public DatabusMeter Meter { get; }

    public static async Task<Engine> StartAsync()
    {
        var engine = new Engine();
        engine._store.Appended = engine.Signals.Appended;
        await engine._store.OpenAsync(CancellationToken.None);
        return engine;
    }

    public async Task<Topic> TopicAsync(string name = "letters") => await Log.GetOrCreateAsync(name, CancellationToken.None);

    /// <summary>Appends items with these numbers as keys, in one call.</summary>
    public Task<AppendOutcome[]> AppendAsync(Topic topic, params int[] keys) => Log.AppendAsync(
        topic,
        [.. keys.Select(key => new NewItem(Encoding.UTF8.GetBytes($$"""{"key":{{key}}}"""), KeyHash.FromText($"{key}"), $"{key}", Source: null))],
        CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        Meter.Dispose();
        _folder.Dispose();
    }
}
