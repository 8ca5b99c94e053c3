using Databus.Json;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Testing;
using Databus.Topics;

namespace Databus.Sqlite.Tests;

/// <summary>P9: on a full disk adds are refused, fetches and acknowledgements go on, and it recovers by itself.</summary>
public sealed class FullDiskTests : IAsyncLifetime
{
    private readonly FakeClock _clock = new();
    private readonly SmallDisk _disk = new(megabytes: 160, taken: 64);
    private readonly List<Exception> _failures = [];
    private SqliteStore _store = null!;
    private Topic _topic = null!;
    private int _added;

    public async ValueTask InitializeAsync()
    {
        await OpenAsync();
        (_topic, _) = await _store.PutTopicAsync("letters", settings: null, CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _store.DisposeAsync();
        _disk.Dispose();
    }

    [Fact]
    public async Task Adds_are_refused_while_fetches_and_acknowledgements_go_on()
    {
        await FillAsync();
        Assert.Equal(StoreProblem.DiskFull, await TryAddAsync());
        Assert.Contains((await _store.ReportAsync(CancellationToken.None)).Warnings, warning => warning.Code == "disk-full");

        for (var taken = 0; taken < _added;)
        {
            var fetched = await _store.FetchAsync(_topic, "reader", 10, TimeSpan.FromSeconds(30), CancellationToken.None);
            Assert.Equal(Enumerable.Range(taken + 1, fetched.Deliveries.Count).Select(id => (long)id), fetched.Deliveries.Select(delivery => delivery.Id));
            Assert.NotEmpty(fetched.Deliveries);
            LeaseToken[] tokens = [.. fetched.Deliveries.Select(delivery => delivery.Token!.Value)];
            Assert.Empty(await _store.AcknowledgeAsync(_topic, "reader", tokens, CancellationToken.None));
            Assert.Equal(StoreProblem.DiskFull, await TryAddAsync());
            taken += fetched.Deliveries.Count;
        }

        Assert.Empty(_failures);
    }

    [Fact]
    public async Task Many_fetches_and_acknowledgements_do_not_use_up_the_reserve()
    {
        await FillAsync();
        for (var round = 0; round < 5000; round++)
        {
            if (round % 500 == 0)
                await _store.RewindAsync(_topic, "reader", RewindTarget.Beginning, CancellationToken.None);
            foreach (var delivery in (await _store.FetchAsync(_topic, "reader", 1, TimeSpan.FromSeconds(30), CancellationToken.None)).Deliveries)
                Assert.Empty(await _store.AcknowledgeAsync(_topic, "reader", [delivery.Token!.Value], CancellationToken.None));
        }

        Assert.Empty(_failures);
    }

    [Fact]
    public async Task It_recovers_by_itself_when_space_returns()
    {
        await FillAsync();
        _disk.GiveBack();
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await TryAddAsync());
        Assert.Empty((await _store.ReportAsync(CancellationToken.None)).Warnings);

        // And again, with a reserve that was made anew.
        await FillAsync();
        Assert.NotEmpty((await _store.FetchAsync(_topic, "reader", 1, lease: null, CancellationToken.None)).Deliveries);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task Nothing_that_was_acknowledged_is_lost_and_nothing_refused_is_there()
    {
        await FillAsync();
        await _store.DisposeAsync();
        _disk.GiveBack();
        await OpenAsync();
        var found = new List<Item>();
        while (await _store.ReadItemsAsync(_topic, new ItemQuery { After = found.Count }, CancellationToken.None) is { Items.Count: > 0 } page)
            found.AddRange(page.Items);
        Assert.Equal(Enumerable.Range(1, _added).Select(number => $"{number}"), found.Select(item => item.Key));

        // What was refused did not take its key.
        Assert.Null(await TryAddAsync());
    }

    [Fact]
    public async Task It_opens_and_hands_out_on_a_disk_that_is_full_already()
    {
        await FillAsync();
        await _store.DisposeAsync();
        await OpenAsync();
        Assert.NotEmpty((await _store.FetchAsync(_topic, "reader", 1, lease: null, CancellationToken.None)).Deliveries);
    }

    private async Task OpenAsync()
    {
        _store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _disk.Path }, _clock) { Failed = _failures.Add };
        await _store.OpenAsync(CancellationToken.None);
    }

    private async Task FillAsync()
    {
        StoreProblem? problem = null;
        while (problem is null)
            problem = await TryAddAsync();
        Assert.Equal(StoreProblem.DiskFull, problem);
    }

    private async Task<StoreProblem?> TryAddAsync()
    {
        var key = $"{_added + 1}";
        try
        {
            var outcomes = await _store.AppendAsync(
                _topic, [new NewItem(new byte[100_000], KeyHash.FromText(key), key, Source: null)], CancellationToken.None);
            Assert.Equal(new AppendOutcome(_added + 1, Added: true), Assert.Single(outcomes!.Outcomes));
            _added++;
            return null;
        }
        catch (StoreException error)
        {
            return error.Problem;
        }
    }
}
