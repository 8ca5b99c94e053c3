using Databus.Json;
using Databus.Testing;
using Databus.Topics;

namespace Databus.Sqlite.Tests;

/// <summary>P9: the log of changes is folded into the database as it goes, however long the load lasts.</summary>
public sealed class CheckpointTests : IAsyncLifetime
{
    private const int Batches = 60;
    private const long LargestWal = 48 << 20;

    private readonly TemporaryFolder _folder = new();
    private readonly SqliteStore _store;
    private Topic _topic = null!;
    private long _largestWal;

    public CheckpointTests() => _store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, new FakeClock());

    private string WalFile => DataDirectory.DatabaseFileIn(_folder.Path) + "-wal";

    public async ValueTask InitializeAsync()
    {
        await _store.OpenAsync(CancellationToken.None);
        (_topic, _) = await _store.PutTopicAsync("letters", settings: null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task Sustained_appends_do_not_let_the_log_grow()
    {
        await AppendMuchAsync();
        Assert.InRange(_largestWal, 1, LargestWal);
    }

    [Fact]
    public async Task Nor_do_they_with_readers_that_never_rest()
    {
        using var done = new CancellationTokenSource();
        var reading = Enumerable.Range(0, 3).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
                await _store.ReadItemsAsync(_topic, new ItemQuery { Before = long.MaxValue, Limit = 50 }, CancellationToken.None);
        })).ToArray();
        await AppendMuchAsync();
        await done.CancelAsync();
        await Task.WhenAll(reading);
        Assert.InRange(_largestWal, 1, LargestWal);
    }

    [Fact]
    public async Task Closed_everything_is_in_the_one_file()
    {
        await AppendMuchAsync();
        await _store.DisposeAsync();
        Assert.False(File.Exists(WalFile) && new FileInfo(WalFile).Length > 0);
    }

    /// <summary>About 120 MiB.</summary>
    private async Task AppendMuchAsync()
    {
        for (var batch = 0; batch < Batches; batch++)
        {
            var items = new NewItem[500];
            for (var i = 0; i < items.Length; i++)
            {
                var content = new byte[4000];
                Random.Shared.NextBytes(content);
                items[i] = new NewItem(content, KeyHash.FromText($"{batch}-{i}"), Key: null, Source: null);
            }

            await _store.AppendAsync(_topic, items, CancellationToken.None);
            _largestWal = Math.Max(_largestWal, new FileInfo(WalFile).Length);
        }
    }
}
