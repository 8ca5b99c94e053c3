using Databus.Nodes;
using Databus.Storage;

namespace Databus.StoreSuite;

public abstract class NodeTests(StoreHome home) : StoreTests(home)
{
    [Fact]
    public async Task What_a_node_says_is_kept_with_the_stores_time()
    {
        var node = Node("1") with
        {
            Roles = NodeRoles.Api | NodeRoles.Collector,
            IsDraining = true,
            Warnings = [new Warning("circuit-open", "\"Apartment_ads\" wartet – seit 5 s"), new Warning("late", "Late.")],
        };
        Clock.Advance(TimeSpan.FromHours(1));
        await Store.HeartbeatAsync(node, Cancellation);
        var status = Assert.Single(await Store.ListNodesAsync(Cancellation));
        Assert.Equal(node with { Warnings = [] }, status.Report with { Warnings = [] });
        Assert.Equal(node.Warnings, status.Report.Warnings);
        Assert.Equal((Clock.GetUtcNow(), true), (status.SeenAt, status.IsAlive));
    }

    [Fact]
    public async Task The_last_heartbeat_counts()
    {
        await Store.HeartbeatAsync(Node("1") with { Warnings = [new Warning("late", "Late.")] }, Cancellation);
        Clock.Advance(TimeSpan.FromSeconds(3));
        await Store.HeartbeatAsync(Node("1") with { IsDraining = true }, Cancellation);
        var status = Assert.Single(await Store.ListNodesAsync(Cancellation));
        Assert.Equal((Clock.GetUtcNow(), true, 0), (status.SeenAt, status.Report.IsDraining, status.Report.Warnings.Count));
    }

    [Fact]
    public async Task A_node_is_alive_until_it_has_been_silent_for_ten_seconds()
    {
        await Store.HeartbeatAsync(Node("1"), Cancellation);
        Clock.Advance(NodeStatus.SilenceOfTheDead - Millisecond);
        Assert.True(Assert.Single(await Store.ListNodesAsync(Cancellation)).IsAlive);
        Clock.Advance(Millisecond);
        Assert.False(Assert.Single(await Store.ListNodesAsync(Cancellation)).IsAlive);
        await Store.HeartbeatAsync(Node("1"), Cancellation);
        Assert.True(Assert.Single(await Store.ListNodesAsync(Cancellation)).IsAlive);
    }

    [Fact]
    public async Task Nodes_are_listed_by_name_and_id_and_one_that_says_goodbye_is_gone()
    {
        foreach (var node in (NodeReport[])[Node("3") with { Name = "b" }, Node("2") with { Name = "a" }, Node("1") with { Name = "b" }])
            await Store.HeartbeatAsync(node, Cancellation);
        Assert.Equal(["2", "1", "3"], await IdsAsync());
        await Store.RemoveNodeAsync("1", Cancellation);
        await Store.RemoveNodeAsync("unknown", Cancellation);
        Assert.Equal(["2", "3"], await IdsAsync());
    }

    [Fact]
    public async Task Who_was_not_heard_of_for_a_day_is_forgotten()
    {
        await Store.HeartbeatAsync(Node("1"), Cancellation);
        Clock.Advance(TimeSpan.FromHours(1));
        await Store.HeartbeatAsync(Node("2"), Cancellation);
        Clock.Advance(TimeSpan.FromHours(23));
        await Store.HeartbeatAsync(Node("3"), Cancellation);
        Assert.Equal(["1", "2", "3"], await IdsAsync());
        Clock.Advance(Millisecond);
        await Store.HeartbeatAsync(Node("3"), Cancellation);
        Assert.Equal(["2", "3"], await IdsAsync());
    }

    [Fact]
    public async Task Nodes_outlive_a_restart_of_another()
    {
        await Store.HeartbeatAsync(Node("1"), Cancellation);
        await ReopenAsync();
        Assert.Equal(["1"], await IdsAsync());
    }

    [Fact]
    public async Task The_jobs_that_a_node_has_handlers_for_are_known_to_the_others()
    {
        await Store.HeartbeatAsync(Node("1") with { JobNames = ["mail", "word-count"] }, Cancellation);
        await Store.HeartbeatAsync(Node("2"), Cancellation);
        var nodes = await Store.ListNodesAsync(Cancellation);
        Assert.Equal(["mail", "word-count"], nodes[0].Report.JobNames);
        Assert.Empty(nodes[1].Report.JobNames);
    }

    private NodeReport Node(string id) => new(id, "node", NodeRoles.All, "1.2.3", Clock.GetUtcNow(), IsDraining: false, []);

    private async Task<IEnumerable<string>> IdsAsync() => (await Store.ListNodesAsync(Cancellation)).Select(node => node.Report.Id);
}
