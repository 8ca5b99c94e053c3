using Databus.Testing;

namespace Databus.Postgres.Tests;

/// <summary>The database's clock decides, whatever a node's own clock says.</summary>
public sealed class ClockTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_node_whose_clock_is_wrong_gives_leases_as_the_others_do()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var wrong = new FakeClock();
        wrong.Advance(TimeSpan.FromDays(-3000));
        await using var stray = nodes.Create(wrong);
        await stray.OpenAsync(Cancellation);
        Assert.InRange((stray.Now - TimeProvider.System.GetUtcNow()).TotalSeconds, -5, 5);

        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await stray.AppendAsync(topic, [TwoNodes.Item(1)], Cancellation);
        var fetched = await stray.FetchAsync(topic, "reader", 1, TimeSpan.FromHours(1), Cancellation);
        Assert.Empty((await nodes.A.FetchAsync(topic, "reader", 1, TimeSpan.FromHours(1), Cancellation)).Deliveries);
        Assert.Empty(await nodes.B.AcknowledgeAsync(topic, "reader", [fetched.Deliveries[0].Token!.Value], Cancellation));
    }
}
