using System.Globalization;
using System.Text.Json;
using Databus.Destinations;
using Databus.Testing.Servers;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests.Destinations;

public sealed class RabbitMqDestinationTests(OneBroker rabbit)
{
    [Theory(Timeout = OneBroker.Patience)]
    [InlineData("content", "application/json", """{"content":{"a":1.50,"b":"ä"}}""")]
    [InlineData("raw", "application/json", """{"a":1.50,"b":"ä"}""")]
    [InlineData(
        "cloudevents", "application/cloudevents+json",
        """{"specversion":"1.0","id":"41","source":"/topics/ads","type":"databus.item","time":"2026-03-01T12:00:00.123Z","datacontenttype":"application/json","data":{"a":1.50,"b":"ä"}}""")]
    public async Task A_message_holds_the_item_in_the_form_that_was_asked_for(string form, string contentType, string body)
    {
        var queue = OneBroker.NewName("form");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue, form);
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(41, """{"a":1.50,"b":"ä"}""")], CancellationToken.None));

        await using var stranger = await rabbit.StrangerAsync();
        var message = Assert.Single(await stranger.TakeAllAsync(queue));
        Assert.Equal(body, Stranger.Text(message));
        Assert.Equal(contentType, message.BasicProperties.ContentType);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_message_says_which_item_it_is()
    {
        var queue = OneBroker.NewName("properties");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue);
        await destination.SendAsync([Pushed.Delivery(7), Pushed.Delivery(8)], CancellationToken.None);

        await using var stranger = await rabbit.StrangerAsync();
        var messages = await stranger.TakeAllAsync(queue);
        Assert.Equal(["7", "8"], messages.Select(message => message.BasicProperties.MessageId));
        Assert.All(messages, message =>
        {
            Assert.Equal(DeliveryModes.Persistent, message.BasicProperties.DeliveryMode);
            Assert.Equal(Pushed.AddedAt.ToUnixTimeSeconds(), message.BasicProperties.Timestamp.UnixTime);
            Assert.Equal("databus", message.BasicProperties.AppId);
            Assert.Equal("ads", Stranger.Header(message, "databus-topic"));
            Assert.Equal(["databus-topic"], message.BasicProperties.Headers!.Keys);
        });
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Nothing_to_send_is_no_work()
    {
        await using var broker = OneBroker.Connect("amqp://127.0.0.1:1/");
        await using var destination = Pushed.ToQueue(broker, "ads");
        Assert.Empty(await destination.SendAsync([], CancellationToken.None));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_queue_that_a_program_declared_as_durable_is_used_as_it_is()
    {
        var queue = OneBroker.NewName("Apartment_ads");
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(queue);
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.Open(broker, $$"""{"queue":"{{queue}}"}""");
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Equal("""{"content":{"n":1}}""", Stranger.Text(Assert.Single(await stranger.TakeAllAsync(queue))));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_queue_that_exists_with_other_properties_is_for_the_operator_to_mend_and_costs_nothing()
    {
        var queue = OneBroker.NewName("other");
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(queue, new Dictionary<string, object?>(StringComparer.Ordinal) { ["x-max-length"] = 5 });
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue);
        var outcomes = await destination.SendAsync(Pushed.Deliveries(1, 3), CancellationToken.None);
        Assert.Equal(3, outcomes.Count);
        Assert.All(outcomes, outcome =>
        {
            Assert.Equal(SendResult.Unavailable, outcome.Result);
            Assert.Contains($"The queue \"{queue}\" exists already", outcome.Reason, StringComparison.Ordinal);
            Assert.Contains("x-max-length", outcome.Reason, StringComparison.Ordinal);
        });

        await stranger.Channel.QueueDeleteAsync(queue);
        Assert.All(await destination.SendAsync(Pushed.Deliveries(1, 3), CancellationToken.None), outcome => Assert.Equal(SendOutcome.Sent, outcome));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_quorum_queue_puts_aside_what_its_consumers_return_too_often()
    {
        var queue = OneBroker.NewName("quorum");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.Open(broker, $$"""{"queue":"{{queue}}","queueType":"quorum"}""");
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        await using var stranger = await rabbit.StrangerAsync();
        BasicGetResult? dead = null;
        while ((dead = await stranger.TakeAsync(queue + ".dead")) is null)
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            if (await stranger.Channel.BasicGetAsync(queue, autoAck: false) is { } message)
                await stranger.Channel.BasicNackAsync(message.DeliveryTag, multiple: false, requeue: true);
        }

        Assert.Equal("1", dead.BasicProperties.MessageId);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task An_exchange_is_never_declared()
    {
        var exchange = OneBroker.NewName("missing");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.Open(broker, $$"""{"exchange":"{{exchange}}"}""");
        var outcome = Assert.Single(await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Equal(SendResult.Unavailable, outcome.Result);
        Assert.Contains($"The exchange \"{exchange}\" does not exist", outcome.Reason, StringComparison.Ordinal);

        await using var stranger = await rabbit.StrangerAsync();
        await stranger.Channel.ExchangeDeclareAsync(exchange, "fanout");
        await stranger.DeclareAsync(exchange);
        await stranger.Channel.QueueBindAsync(exchange, exchange, "");
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None));
        Assert.Single(await stranger.TakeAllAsync(exchange));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task What_no_queue_takes_was_not_sent_although_the_broker_confirms_it()
    {
        var queue = OneBroker.NewName("routed");
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(queue);
        await stranger.Channel.QueueBindAsync(queue, "amq.direct", queue);
        await using var broker = rabbit.Connect();
        await using var there = Pushed.Open(broker, $$"""{"exchange":"amq.direct","routingKey":"{{queue}}"}""");
        await using var nowhere = Pushed.Open(broker, $$"""{"exchange":"amq.direct","routingKey":"{{queue}}.nobody"}""");
        Assert.All(await there.SendAsync(Pushed.Deliveries(1, 50), CancellationToken.None), outcome => Assert.Equal(SendOutcome.Sent, outcome));
        var outcomes = await nowhere.SendAsync(Pushed.Deliveries(1, 50), CancellationToken.None);
        Assert.Equal(50, outcomes.Count);
        Assert.All(outcomes, outcome =>
        {
            Assert.Equal(SendResult.Failed, outcome.Result);
            Assert.Contains("The exchange \"amq.direct\"", outcome.Reason, StringComparison.Ordinal);
            Assert.Contains($"\"{queue}.nobody\"", outcome.Reason, StringComparison.Ordinal);
        });
        Assert.Equal(50, (await stranger.TakeAllAsync(queue)).Count);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_queue_that_was_deleted_is_declared_again_for_the_next_attempt()
    {
        var queue = OneBroker.NewName("deleted");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue);
        await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None);
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.Channel.QueueDeleteAsync(queue);

        var returned = Assert.Single(await destination.SendAsync([Pushed.Delivery(2)], CancellationToken.None));
        Assert.Equal(SendResult.Failed, returned.Result);
        Assert.Contains($"The default exchange leads the routing key \"{queue}\" to no queue", returned.Reason, StringComparison.Ordinal);
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(2)], CancellationToken.None));
        Assert.Equal("2", Assert.Single(await stranger.TakeAllAsync(queue)).BasicProperties.MessageId);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_message_that_the_broker_refuses_has_failed()
    {
        var queue = OneBroker.NewName("full");
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(queue, new Dictionary<string, object?>(StringComparer.Ordinal) { ["x-max-length"] = 3, ["x-overflow"] = "reject-publish" });
        await stranger.Channel.QueueBindAsync(queue, "amq.direct", queue);
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.Open(broker, $$"""{"exchange":"amq.direct","routingKey":"{{queue}}"}""");
        var outcomes = new List<SendOutcome>();
        for (var id = 1; id <= 10; id++)
            outcomes.AddRange(await destination.SendAsync([Pushed.Delivery(id)], CancellationToken.None));
        Assert.All(outcomes, outcome => Assert.Contains(outcome.Result, new[] { SendResult.Sent, SendResult.Failed }));
        Assert.Contains("nack", outcomes[^1].Reason, StringComparison.Ordinal);
        Assert.Equal(outcomes.Count(outcome => outcome.Result == SendResult.Sent), (await stranger.TakeAllAsync(queue)).Count);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Batches_that_overlap_are_all_sent_once()
    {
        var queue = OneBroker.NewName("overlap");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue);
        var sends = await Task.WhenAll(Enumerable.Range(0, 8).Select(part => destination.SendAsync(Pushed.Deliveries(part * 300, 300), CancellationToken.None)));
        Assert.All(sends.SelectMany(outcomes => outcomes), outcome => Assert.Equal(SendOutcome.Sent, outcome));
        await using var stranger = await rabbit.StrangerAsync();
        var ids = (await stranger.TakeAllAsync(queue)).Select(message => int.Parse(message.BasicProperties.MessageId!, CultureInfo.InvariantCulture));
        Assert.Equal(Enumerable.Range(0, 2400), ids.Order());
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_send_that_is_cancelled_before_it_begins_sends_nothing()
    {
        var queue = OneBroker.NewName("cancelled");
        await using var broker = rabbit.Connect();
        await using var destination = Pushed.ToQueue(broker, queue);
        await destination.SendAsync([Pushed.Delivery(1)], CancellationToken.None);
        var outcome = Assert.Single(await destination.SendAsync([Pushed.Delivery(2)], new CancellationToken(canceled: true)));
        Assert.Equal(SendResult.Unavailable, outcome.Result);
        Assert.Equal([SendOutcome.Sent], await destination.SendAsync([Pushed.Delivery(3)], CancellationToken.None));
        await using var stranger = await rabbit.StrangerAsync();
        Assert.Equal(["1", "3"], (await stranger.TakeAllAsync(queue)).Select(message => message.BasicProperties.MessageId));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_message_too_large_for_the_broker_is_found_among_its_neighbours()
    {
        await using var server = await RabbitMqServer.StartAsync();
        await server.ControlAsync("eval", "application:set_env(rabbit, max_message_size, 20000).");
        await using var broker = OneBroker.Connect(server.Address.AbsoluteUri);
        await using var destination = Pushed.ToQueue(broker, "ads");
        var large = Pushed.Delivery(150, JsonSerializer.Serialize(new { text = new string('x', 30_000) }));
        var sends = await Task.WhenAll(
            destination.SendAsync([.. Pushed.Deliveries(100, 50), large, .. Pushed.Deliveries(151, 49)], CancellationToken.None),
            destination.SendAsync(Pushed.Deliveries(200, 100), CancellationToken.None));
        var outcomes = sends.SelectMany(send => send).ToList();
        Assert.Equal(SendResult.Hopeless, outcomes[50].Result);
        Assert.Contains("20000", outcomes[50].Reason, StringComparison.Ordinal);
        outcomes.RemoveAt(50);
        Assert.All(outcomes, outcome => Assert.Equal(SendOutcome.Sent, outcome));

        await using var stranger = await Stranger.ConnectAsync(server.Address);
        var ids = (await stranger.TakeAllAsync("ads")).Select(message => int.Parse(message.BasicProperties.MessageId!, CultureInfo.InvariantCulture));
        Assert.Equal(Enumerable.Range(100, 200).Where(id => id != 150), ids.Distinct().Order());
    }
}
