using Databus.Testing.Servers;
using Databus.Topics;

namespace Databus.Redis.Tests;

/// <summary>What was learnt about one history of the data says nothing about another.</summary>
public sealed class GenerationTests : IAsyncLifetime
{
    private RedisServer _redis = null!;

    public async ValueTask InitializeAsync() => _redis = await RedisServer.StartAsync();

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task Two_databases_share_a_Redis_and_no_facts()
    {
        await using var first = await SharedDatabase.CreateAsync();
        await using var second = await SharedDatabase.CreateAsync();
        await using var here = await Node.StartAsync(await first.OpenAsync(), _redis.Options());
        await using var there = await Node.StartAsync(await second.OpenAsync(), _redis.Options());
        await Patience.UntilConnectedAsync(here, there);
        Topic topicHere = await here.TopicAsync(), topicThere = await there.TopicAsync();
        Assert.Equal(topicHere.Number, topicThere.Number);

        await here.AppendAsync(topicHere, 1);
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == 1);
        Assert.Equal(new AppendOutcome(1, Added: true), await there.AppendOneAsync(topicThere, 1));
    }

    [Fact]
    public async Task After_a_failover_that_lost_commits_they_are_added_again()
    {
        await using var server = await PostgresServer.StartAsync(new PostgresSettings { Fsync = false });
        await using var node = await Node.StartAsync(await SharedDatabase.OpenAsync(server.ConnectionString()), _redis.Options(), recentKeys: 100);
        await Patience.UntilConnectedAsync(node);
        var topic = await node.TopicAsync();
        Assert.Equal([new(1, true), new(2, true)], await node.AppendAsync(topic, 1, 2));
        Assert.Equal([new(1, false), new(2, false)], await node.AppendAsync(topic, 1, 2));
        await Patience.UntilAsync(async () => await _redis.CountKeysAsync() == 2);
        var before = node.Store.Generation;

        await server.StopImmediatelyAsync();
        await Patience.UntilAsync(() => node.Store.Generation is null);
        await server.StartAgainAsync();
        await server.ExecuteAsync(
            """
            DELETE FROM databus.keys WHERE item_id = 2;
            DELETE FROM databus.items WHERE item_id = 2;
            UPDATE databus.topics SET last_id = 1;
            """);
        await Patience.UntilAsync(() => node.Store.Generation is not null);
        Assert.NotEqual(before, node.Store.Generation);

        Assert.Equal([new(1, false), new(2, true)], await node.AppendAsync(topic, 1, 2));
    }
}
