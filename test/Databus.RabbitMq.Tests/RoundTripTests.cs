using System.Text;
using Databus.Destinations;
using Databus.Json;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.RabbitMq.Tests;

public sealed class RoundTripTests(OneBroker rabbit)
{
    [Fact(Timeout = OneBroker.Patience)]
    public async Task What_is_pushed_to_a_queue_comes_in_again_as_the_same_items()
    {
        const int Count = 2000;
        var queue = OneBroker.NewName("round");
        await using var node = await Node.StartAsync(rabbit.Server.Address.AbsoluteUri);
        var (topic, _) = await node.Store.PutTopicAsync("out", settings: null, CancellationToken.None);
        await node.Store.PutTopicAsync("ads", settings: null, CancellationToken.None);
        await node.Store.PutSubscriptionAsync(
            topic, "push", new SubscriptionSettings { Destination = new DestinationSettings("rabbitmq", $$"""{"queue":"{{queue}}"}""") }, SubscriptionStart.Beginning,
            CancellationToken.None);
        await node.ListenAsync($"amqp:{queue}?format=content&key=message-id");
        for (var first = 1; first <= Count; first += 500)
        {
            await node.Store.AppendAsync(
                topic,
                [.. Enumerable.Range(first, 500).Select(n => new NewItem(Encoding.UTF8.GetBytes($$"""{"n":{{n}}}"""), KeyHash.FromText($"{n}"), $"{n}", Source: null))],
                CancellationToken.None);
        }

        await Node.SoonAsync(async () => (await node.Store.ListTopicsAsync("ads", CancellationToken.None))[0].Items == Count);
        var subscription = Assert.Single(await node.Store.ListSubscriptionsAsync(topic, "push", CancellationToken.None));
        Assert.Equal((0, 0), (subscription.Dead, subscription.Waiting));
        Assert.All((await node.ItemsAsync()).Take(100), item => Assert.Equal($$"""{"n":{{item.Key}}}""", Encoding.UTF8.GetString(item.Content)));
    }
}
