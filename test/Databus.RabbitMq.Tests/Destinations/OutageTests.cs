using System.Collections.Concurrent;
using System.Globalization;
using Databus.Destinations;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.RabbitMq.Tests.Destinations;

public sealed class OutageTests(OneBroker rabbit)
{
    /// <summary>A promise of the durable queue as much as ours, so each run has a broker of its own to kill.</summary>
    [Theory(Timeout = 300_000)]
    [InlineData(5_000, 2)]
    public async Task Nothing_is_lost_when_the_broker_is_killed_during_publishes(int items, int kills)
    {
        await using var server = await RabbitMqServer.StartAsync();
        await using var broker = OneBroker.Connect(server.Address.AbsoluteUri);
        await using var destination = Pushed.ToQueue(broker, "ads");
        await SentAtLastAsync(destination, 1);

        // RabbitMQ 3.10 may forget a durable queue, with all that is in it, when it is killed soon after the queue was
        // declared (seen with its own client alone, once in ten); this has it write its definitions down.
        await server.ControlAsync("eval", "mnesia:dump_log().");
        var todo = new ConcurrentQueue<int>(Enumerable.Range(1, items));
        var sent = 0;
        var unavailable = 0;
        using var finished = new CancellationTokenSource();

        async Task PublishAsync()
        {
            while (Volatile.Read(ref sent) < items)
            {
                var batch = new List<int>();
                while (batch.Count < 100 && todo.TryDequeue(out var id))
                    batch.Add(id);
                if (batch.Count == 0)
                    await Task.Delay(10);
                var outcomes = await destination.SendAsync([.. batch.Select(id => Pushed.Delivery(id))], CancellationToken.None);
                for (var index = 0; index < batch.Count; index++)
                {
                    Assert.Contains(outcomes[index].Result, new[] { SendResult.Sent, SendResult.Unavailable });
                    if (outcomes[index].Result == SendResult.Sent)
                    {
                        Interlocked.Increment(ref sent);
                        continue;
                    }

                    todo.Enqueue(batch[index]);
                    Interlocked.Increment(ref unavailable);
                }
            }
        }

        var publishing = Enumerable.Range(0, 4).Select(_ => Task.Run(PublishAsync)).ToList();
        for (var kill = 1; kill <= kills; kill++)
        {
            var mark = items * kill / (kills + 1);
            Assert.True(await Deadline.WaitAsync(() => Volatile.Read(ref sent) >= mark, TimeSpan.FromSeconds(90), CancellationToken.None));
            await server.KillAsync();
            await server.StartAgainAsync();
        }

        await Task.WhenAll(publishing);
        Assert.True(unavailable > 0, "No publish met the broker's death; the test shows nothing.");

        await using var stranger = await Stranger.ConnectAsync(server.Address);
        var kept = (await stranger.TakeAllAsync("ads")).Select(message => int.Parse(message.BasicProperties.MessageId!, CultureInfo.InvariantCulture));
        var gone = Enumerable.Range(1, items).Except(kept);
        Assert.Empty(gone);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_is_short_of_memory_makes_publishers_wait_and_loses_nothing()
    {
        await using var server = await RabbitMqServer.StartAsync();
        await using var broker = OneBroker.Connect(server.Address.AbsoluteUri);
        await using var destination = Pushed.ToQueue(broker, "ads");
        await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None);
        await server.ControlAsync("set_vm_memory_high_watermark", "0.0000001");
        var first = await destination.SendAsync(Pushed.Deliveries(100, 50), CancellationToken.None);
        Assert.All(first, outcome => Assert.Equal(SendResult.Unavailable, outcome.Result));
        Assert.Contains("low on memory", first[0].Reason, StringComparison.Ordinal);

        // Known by now: nothing more is put on the wire, and nobody waits for a time-out.
        var next = await destination.SendAsync(Pushed.Deliveries(200, 50), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(5));
        Assert.All(next, outcome => Assert.Equal(SendResult.Unavailable, outcome.Result));

        await server.ControlAsync("set_vm_memory_high_watermark", "0.4");
        await SentAtLastAsync(destination, 100);
        await using var stranger = await Stranger.ConnectAsync(server.Address);
        var ids = (await stranger.TakeAllAsync("ads")).Select(message => int.Parse(message.BasicProperties.MessageId!, CultureInfo.InvariantCulture)).ToHashSet();
        Assert.Contains(100, ids);
        Assert.DoesNotContain(200, ids);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_falls_silent_is_not_waited_for_without_end()
    {
        await using var server = await RabbitMqServer.StartAsync();
        await using var broker = OneBroker.Connect(server.Address.AbsoluteUri, options => options.ConfirmTimeout = TimeSpan.FromSeconds(2));
        await using var destination = Pushed.ToQueue(broker, "ads");
        await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None);
        server.Freeze();
        var outcomes = await destination.SendAsync(Pushed.Deliveries(2, 500), CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(15));
        Assert.All(outcomes, outcome => Assert.Equal(SendResult.Unavailable, outcome.Result));
        server.Thaw();
        await SentAtLastAsync(destination, 2);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_is_not_there_is_tried_again_later_each_time()
    {
        await using var broker = OneBroker.Connect("amqp://me:s3cret@127.0.0.1:1/");
        await using var destination = Pushed.ToQueue(broker, "ads");
        var outcome = Assert.Single(await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Equal(SendResult.Unavailable, outcome.Result);
        Assert.Contains("127.0.0.1:1", outcome.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_wrong_password_is_said_and_never_shown()
    {
        await using var broker = OneBroker.Connect($"amqp://guest:s3cret@127.0.0.1:{rabbit.Server.Port}/");
        await using var destination = Pushed.ToQueue(broker, "ads");
        var outcome = Assert.Single(await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Equal(SendResult.Unavailable, outcome.Result);
        Assert.Contains("ACCESS_REFUSED", outcome.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", outcome.Reason, StringComparison.Ordinal);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task All_destinations_share_one_connection()
    {
        await using var broker = rabbit.Connect();
        await using var one = Pushed.ToQueue(broker, OneBroker.NewName("one"));
        await using var two = Pushed.ToQueue(broker, OneBroker.NewName("two"));
        await Task.WhenAll(one.SendAsync([Pushed.Delivery(1)], CancellationToken.None), two.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Same(await broker.Publishing.GetAsync(CancellationToken.None), await broker.Publishing.GetAsync(CancellationToken.None));
    }

    /// <summary>As the dispatcher does it: again after a while.</summary>
    private static async Task SentAtLastAsync(IDestination destination, long id)
    {
        Assert.True(await Deadline.WaitAsync(
            async () => Assert.Single(await destination.SendAsync([Pushed.Delivery(id)], CancellationToken.None)) == SendOutcome.Sent,
            OneBroker.Soon, TestContext.Current.CancellationToken));
    }
}
