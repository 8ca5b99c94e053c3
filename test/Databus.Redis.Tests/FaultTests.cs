using System.Globalization;
using Databus.Testing.Servers;

namespace Databus.Redis.Tests;

/// <summary>Whatever becomes of Redis, every answer is right and answers keep coming.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private const int Some = 3000;

    private SharedDatabase _database = null!;
    private RedisServer _redis = null!;
    private Node[] _nodes = null!;
    private Senders _senders = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await SharedDatabase.CreateAsync();
        _redis = await RedisServer.StartAsync();

        // With the patience that nodes have by default, and one that remembers few keys itself beside one that remembers none.
        var options = new RedisOptions { Configuration = _redis.Address };
        _nodes = [await Node.StartAsync(await _database.OpenAsync(), options), await Node.StartAsync(await _database.OpenAsync(), options, recentKeys: 100)];
        await Patience.UntilConnectedAsync(_nodes);
        _senders = new Senders(_nodes, await _nodes[0].TopicAsync(), count: 8);
        _senders.Start();
        await _senders.WhenAnsweredAsync(Some);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await _redis.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Emptied_again_and_again()
    {
        for (var round = 0; round < 5; round++)
        {
            await _redis.SayAsync("FLUSHALL");
            await _senders.WhenAnsweredAsync(Some);
        }

        await EndsWellAsync();
    }

    [Fact]
    public async Task Killed_and_started_again()
    {
        for (var round = 0; round < 2; round++)
        {
            await _redis.KillAsync();
            await _senders.WhenAnsweredAsync(Some);
            await Patience.UntilAsync(() => _nodes.All(node => node.Redis!.Warnings is [{ Code: "redis-unavailable" }]));
            await _redis.StartAgainAsync();
            await IsUsedAgainAsync();
            await _senders.WhenAnsweredAsync(Some);
        }

        await EndsWellAsync();
    }

    [Fact]
    public async Task Frozen_and_thawed()
    {
        for (var round = 0; round < 2; round++)
        {
            _redis.Freeze();
            await _senders.WhenAnsweredAsync(Some);
            await Patience.UntilAsync(() => _nodes.All(node => node.Redis!.Warnings is [{ Code: "redis-unavailable" }]));
            _redis.Thaw();
            await IsUsedAgainAsync();
            await _senders.WhenAnsweredAsync(Some);
        }

        await EndsWellAsync();
    }

    [Fact]
    public async Task Short_of_memory_it_evicts()
    {
        await _redis.SayAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
        var used = await _redis.InfoAsync("used_memory");
        await _redis.SayAsync("CONFIG", "SET", "maxmemory", used.ToString(CultureInfo.InvariantCulture));
        await _senders.WhenAnsweredAsync(5 * Some);
        await _senders.StopAsync();
        Assert.True(await _redis.InfoAsync("evicted_keys") > 0);
        await _senders.AssertEveryAnswerWasRightAsync();
    }

    private async Task IsUsedAgainAsync()
    {
        var before = _nodes.Select(node => node.SharedHits).ToArray();
        await Patience.UntilAsync(() => _nodes.Zip(before).All(of => of.First.SharedHits > of.Second));
    }

    private async Task EndsWellAsync()
    {
        await IsUsedAgainAsync();
        await _senders.StopAsync();
        await _senders.AssertEveryAnswerWasRightAsync();
    }
}
