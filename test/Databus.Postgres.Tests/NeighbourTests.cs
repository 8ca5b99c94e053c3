using System.Collections.Concurrent;
using Databus.Jobs;
using Databus.Subscriptions;
using Databus.Testing;
using Databus.Topics;

namespace Databus.Postgres.Tests;

/// <summary>What one node does, the others hear.</summary>
public sealed class NeighbourTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_topic_created_on_one_node_is_there_on_the_other_at_once()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", new TopicSettings { KeyPointers = ["/id"] }, Cancellation);
        var found = await nodes.B.FindTopicAsync("letters", Cancellation);
        Assert.Equal((topic.Number, "/id"), (found!.Number, Assert.Single(found.Settings.KeyPointers)));
    }

    [Fact]
    public async Task Changed_settings_and_deletions_are_heard()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await nodes.B.FindTopicAsync("letters", Cancellation);
        var deleted = new ConcurrentQueue<long>();
        nodes.B.Appended = (_, lastId) => deleted.Enqueue(lastId);

        await nodes.A.PutTopicAsync("letters", new TopicSettings { KeyPointers = ["/id"] }, Cancellation);
        await EventuallyAsync(async () => (await nodes.B.FindTopicAsync("letters", Cancellation))!.Settings.KeyPointers.Count == 1);
        await nodes.A.DeleteTopicAsync("letters", Cancellation);
        await EventuallyAsync(async () => await nodes.B.FindTopicAsync("letters", Cancellation) is null);
        await EventuallyAsync(() => Task.FromResult(deleted.Contains(long.MaxValue)));
    }

    [Fact]
    public async Task Appends_and_returned_deliveries_wake_the_other_node()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await nodes.B.FindTopicAsync("letters", Cancellation);
        var heard = new ConcurrentQueue<string>();
        nodes.B.Appended = (of, lastId) => heard.Enqueue($"{of.Name} {lastId}");
        nodes.B.Woken = (of, subscription) => heard.Enqueue($"{of.Name} {subscription}");
        nodes.B.Configured = () => heard.Enqueue("configured");

        await nodes.A.AppendAsync(topic, [TwoNodes.Item(1), TwoNodes.Item(2)], Cancellation);
        await EventuallyAsync(() => Task.FromResult(heard.Contains("letters 2")));
        var fetched = await nodes.A.FetchAsync(topic, "reader", 1, TimeSpan.FromMinutes(1), Cancellation);
        await nodes.A.NegativeAcknowledgeAsync(
            topic, "reader", [new NegativeAcknowledgement(fetched.Deliveries[0].Token!.Value, TimeSpan.Zero, "no")], Cancellation);
        await EventuallyAsync(() => Task.FromResult(heard.Contains("letters reader")));
        await nodes.A.PutSubscriptionAsync(topic, "reader", new SubscriptionSettings { Paused = true }, SubscriptionStart.Beginning, Cancellation);
        await EventuallyAsync(() => Task.FromResult(heard.Contains("configured")));
    }

    [Fact]
    public async Task What_a_node_did_last_is_told_when_it_ends()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var heard = new ConcurrentQueue<string>();
        nodes.B.Jobs.Claimable = queue => heard.Enqueue(queue ?? "any");
        for (var at = 0; at < 20; at++)
            await nodes.A.Jobs.EnqueueAsync([new NewJob("count", "{}"u8.ToArray()) { Queue = $"queue-{at}" }], Cancellation);
        await nodes.A.DisposeAsync();
        await EventuallyAsync(() => Task.FromResult(heard.Contains("queue-19")));
    }

    [Fact]
    public async Task Deliveries_handed_out_by_one_node_can_be_acknowledged_at_the_other()
    {
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await nodes.A.AppendAsync(topic, [.. Enumerable.Range(1, 10).Select(TwoNodes.Item)], Cancellation);
        var a = await nodes.A.FetchAsync(topic, "reader", 5, TimeSpan.FromMinutes(1), Cancellation);
        var b = await nodes.B.FetchAsync(topic, "reader", 10, TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal(Enumerable.Range(1, 10).Select(id => (long)id), a.Deliveries.Concat(b.Deliveries).Select(delivery => delivery.Id));
        var tokens = a.Deliveries.Concat(b.Deliveries).Select(delivery => delivery.Token!.Value).ToList();
        Assert.Empty(await nodes.B.AcknowledgeAsync(topic, "reader", tokens, Cancellation));
        Assert.Equal(tokens, await nodes.A.AcknowledgeAsync(topic, "reader", tokens, Cancellation));
        Assert.Equal(0, Assert.Single(await nodes.A.ListSubscriptionsAsync(topic, "reader", Cancellation)).InFlight);
    }

    [Fact]
    public async Task Ids_become_visible_in_order_however_many_nodes_append()
    {
        const int senders = 8, items = 150;
        await using var nodes = await TwoNodes.OpenAsync();
        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        var sending = Task.WhenAll(Enumerable.Range(0, senders).Select(sender => Task.Run(
            async () =>
            {
                var node = sender % 2 == 0 ? nodes.A : nodes.B;
                for (var item = 0; item < items; item++)
                    await node.AppendAsync(topic, [TwoNodes.Item((sender * items) + item)], Cancellation);
            },
            Cancellation)));

        // Whoever remembers the last id sees each next one: the first that comes is always the next.
        var last = 0L;
        while (last < senders * items)
        {
            var page = await nodes.B.ReadItemsAsync(topic, new ItemQuery { After = last, Limit = 1000 }, Cancellation);
            foreach (var item in page.Items)
                Assert.Equal(++last, item.Id);
            if (page.Items.Count == 0)
                Assert.False(sending.IsFaulted, sending.Exception?.ToString());
        }

        await sending;
    }

    private static async Task EventuallyAsync(Func<Task<bool>> condition) => Assert.True(await Deadline.WaitAsync(condition, Patience, Cancellation));
}
