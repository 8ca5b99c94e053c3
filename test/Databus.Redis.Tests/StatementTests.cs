using System.Diagnostics;
using Databus.Testing.Servers;

namespace Databus.Redis.Tests;

/// <summary>What duplicates cost the database. Two nodes, eight senders, one item a call, nine of ten of them duplicates.</summary>
public sealed class StatementTests : IAsyncLifetime
{
    private const int Senders = 8;
    private const int AddedBefore = 200;
    private const int Added = 1500;
    private const int Duplicates = 9 * Added;

    private SharedDatabase _database = null!;
    private RedisServer _redis = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await SharedDatabase.CreateAsync();
        _redis = await RedisServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _redis.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Fact]
    public async Task Duplicates_that_another_node_has_seen_cost_almost_no_statements()
    {
        var (without, slow) = await RunAsync("without", redis: null, recentKeys: 0);
        var (with, fast) = await RunAsync("shared", _redis.Options(), recentKeys: 0);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"PostgreSQL statements per duplicate: {with:0.0000} with Redis, {without:0.00} without. "
            + $"Items a second: {fast:0} with Redis, {slow:0} without, {fast / slow:0.0} times as many.");
        Assert.True(with < 0.02, $"{with:0.0000} statements per duplicate.");
        Assert.True(without > 5 * with);
    }

    [Fact]
    public async Task Duplicates_that_the_node_itself_has_seen_cost_almost_none_either()
    {
        // Each sender sends its own again: this is what a single node has.
        var (with, fast) = await RunAsync("process", redis: null, recentKeys: 100_000, ownOnly: true);
        TestContext.Current.TestOutputHelper!.WriteLine($"PostgreSQL statements per duplicate: {with:0.0000} without Redis, remembered by the process. Items a second: {fast:0}.");
        Assert.True(with < 0.02, $"{with:0.0000} statements per duplicate.");
    }

    /// <summary>One run, and what came of it: statements per duplicate, and items a second.</summary>
    private async Task<(double PerDuplicate, double Rate)> RunAsync(string name, RedisOptions? redis, int recentKeys, bool ownOnly = false)
    {
        await using var one = await Node.StartAsync(await _database.OpenAsync(), redis, recentKeys);
        await using var two = await Node.StartAsync(await _database.OpenAsync(), redis, recentKeys);
        await Patience.UntilConnectedAsync(one, two);
        Node[] nodes = [one, two];
        var topic = await one.TopicAsync(name);
        for (var key = 0; key < AddedBefore; key++)
            await nodes[key % 2].AppendAsync(topic, key);

        var before = await _database.StatementsAsync();
        var begun = Stopwatch.GetTimestamp();
        var last = AddedBefore - 1;

        // Adds go one by one, so that each costs exactly its two statements and the rest is what duplicates cost.
        using var adding = new SemaphoreSlim(1, 1);
        await Task.WhenAll(Enumerable.Range(0, Senders).Select(sender => Task.Run(() => SendAsync(nodes[sender % 2], sender))));
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        var statements = await _database.StatementsAsync() - before;
        return ((statements - (2.0 * Added)) / Duplicates, (Added + Duplicates) / seconds);

        async Task SendAsync(Node node, int sender)
        {
            var random = new Random(sender);
            for (var i = 0; i < (Added + Duplicates) / Senders; i++)
            {
                if (i % 10 == 0)
                {
                    await adding.WaitAsync();
                    var added = await node.AppendOneAsync(topic, last + 1);
                    Assert.True(added.Added);
                    Interlocked.Increment(ref last);
                    adding.Release();
                }
                else
                {
                    var key = random.Next(Volatile.Read(ref last) + 1);
                    if (ownOnly)
                        key = OwnOf(sender, key);
                    var again = await node.AppendOneAsync(topic, key);
                    Assert.False(again.Added);
                }
            }
        }

        // Who added what is not written down here: before the run, the nodes took turns.
        static int OwnOf(int sender, int key) => ((key % AddedBefore) & ~1) | (sender % 2);
    }
}
