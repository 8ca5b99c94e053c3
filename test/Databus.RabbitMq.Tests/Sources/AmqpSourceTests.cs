using Databus.Storage;
using Databus.Testing.Servers;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests.Sources;

public sealed class AmqpSourceTests(OneBroker rabbit)
{
    private readonly string _queue = OneBroker.NewName("in");

    private string Uri => rabbit.Server.Address.AbsoluteUri;

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Messages_become_items_and_leave_the_queue()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        for (var n = 1; n <= 1000; n++)
            await stranger.PublishAsync(_queue, $$"""{"n": {{n}}}""");
        await using var node = await Node.StartAsync(Uri);
        await node.Store.PutTopicAsync("ads", settings: null, CancellationToken.None);
        await node.ListenAsync($"amqp:{_queue}");
        var contents = await node.ContentsAsync(1000);
        Assert.Equal(Enumerable.Range(1, 1000).Select(n => $$"""{"n":{{n}}}"""), contents);
        Assert.All(await node.ItemsAsync(), item => Assert.Equal("in", item.Source));
        await node.StopAsync();
        Assert.Null(await stranger.TakeAsync(_queue));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_queue_that_is_not_there_is_declared_durable()
    {
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}");
        await using var stranger = await rabbit.StrangerAsync();
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 1);
        await stranger.DeclareAsync(_queue);
        await stranger.PublishAsync(_queue, """{"n":1}""");
        await node.ContentsAsync(1);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Wrapped_objects_are_unwrapped()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        await stranger.PublishAsync(_queue, """ {"content": {"a": 1.50, "content": {}}} """);
        await stranger.PublishAsync(_queue, """{"content":{"b":1},"more":2}""");
        await stranger.PublishAsync(_queue, """{"content":[1]}""");
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}?format=content");
        var dead = await DeadAsync(2);
        Assert.Equal(["""{"a":1.50,"content":{}}"""], await node.ContentsAsync(1));
        Assert.Equal(["""{"content":[1]}""", """{"content":{"b":1},"more":2}"""], dead.Select(Stranger.Text).Order(StringComparer.Ordinal));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task The_id_of_a_message_can_be_the_key()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        await stranger.PublishAsync(_queue, """{"n":1}""", new BasicProperties { MessageId = "one" });
        await stranger.PublishAsync(_queue, """{"n":2}""", new BasicProperties { MessageId = "one" });
        await stranger.PublishAsync(_queue, """{"n":3}""", new BasicProperties { MessageId = "two" });
        await stranger.PublishAsync(_queue, """{"n":4}""");
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}?key=message-id");
        Assert.Contains("no id", Stranger.Header(Assert.Single(await DeadAsync(1)), "databus-reason"), StringComparison.Ordinal);
        Assert.Equal(["""{"n":1}""", """{"n":3}"""], await node.ContentsAsync(2));
        Assert.Equal(["one", "two"], (await node.ItemsAsync()).Select(item => item.Key));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_CloudEvent_is_an_item_as_over_HTTP()
    {
        const string Event = """{"specversion":"1.0","id":"7","source":"/shop","type":"sold","data":{"n":1}}""";
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        await stranger.PublishAsync(_queue, Event, new BasicProperties { ContentType = "application/cloudevents+json; charset=utf-8" });
        await stranger.PublishAsync(_queue, """{"id":"7"}""", new BasicProperties { ContentType = "application/cloudevents+json" });
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}");
        Assert.Single(await DeadAsync(1));
        Assert.Equal([Event], await node.ContentsAsync(1));
        var item = Assert.Single(await node.ItemsAsync());
        Assert.Equal(("/shop 7", "/shop"), (item.Key, item.Source));
    }

    [Theory(Timeout = OneBroker.Patience)]
    [InlineData("[1]")]
    [InlineData("{}")]
    [InlineData("")]
    [InlineData("no JSON")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"text":"longer than it may be, and nothing of it is lost"}""")]
    public async Task What_can_never_be_an_item_goes_to_the_dead_queue_as_it_came(string body)
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        await stranger.PublishAsync(_queue, body, new BasicProperties
        {
            MessageId = "m",
            ContentType = "text/plain",
            Expiration = "600000",
            Headers = new Dictionary<string, object?>(StringComparer.Ordinal) { ["theirs"] = "kept" },
        });
        await stranger.PublishAsync(_queue, """{"good":1}""");
        await using var node = await Node.StartAsync(Uri, options => options.MaxItemBytes = 40);
        await node.ListenAsync($"amqp:{_queue}");

        var dead = Assert.Single(await DeadAsync(1));
        Assert.Equal(body, Stranger.Text(dead));
        Assert.Equal(("m", "text/plain", DeliveryModes.Persistent), (dead.BasicProperties.MessageId, dead.BasicProperties.ContentType, dead.BasicProperties.DeliveryMode));
        Assert.False(dead.BasicProperties.IsExpirationPresent());
        Assert.Equal(("kept", "in"), (Stranger.Header(dead, "theirs"), Stranger.Header(dead, "databus-source")));
        Assert.NotEmpty(Stranger.Header(dead, "databus-reason"));
        Assert.Equal(["""{"good":1}"""], await node.ContentsAsync(1));

        await Node.SoonAsync(async () => (await node.StatusAsync()).LastOutcome?.Contains("refused 1", StringComparison.Ordinal) == true);
        Assert.Contains($"{_queue}.dead", (await node.StatusAsync()).Error, StringComparison.Ordinal);
        await node.StopAsync();
        Assert.Null(await stranger.TakeAsync(_queue));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task What_another_user_sent_under_its_name_goes_to_the_dead_queue_too()
    {
        var user = OneBroker.NewName("user");
        await rabbit.Server.ControlAsync("add_user", user, "secret");
        await rabbit.Server.ControlAsync("set_permissions", user, ".*", ".*", ".*");
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}");
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 1);
        await using (var connection = await new ConnectionFactory { Uri = rabbit.Server.Address, UserName = user, Password = "secret" }.CreateConnectionAsync())
        {
            await using var stranger = new Stranger(connection, await connection.CreateChannelAsync(new CreateChannelOptions(true, true)));
            await stranger.PublishAsync(_queue, "no JSON", new BasicProperties { UserId = user });
        }

        Assert.False(Assert.Single(await DeadAsync(1)).BasicProperties.IsUserIdPresent());
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_message_is_acknowledged_only_after_its_item_is_on_disk()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        var answers = new TaskCompletionSource();
        await using (var node = await Node.StartAsync(Uri))
        {
            node.Faults.Answers = answers.Task;
            await node.ListenAsync($"amqp:{_queue}");
            await stranger.PublishAsync(_queue, """{"n":1}""");
            await node.ContentsAsync(1);

            // On disk, and the store has not said so: a node that dies now leaves the message where it was.
            await node.ForgetAsync();
            BasicGetResult? message = null;
            await Node.SoonAsync(async () => (message = await stranger.TakeAsync(_queue)) is not null);
            Assert.True(message!.Redelivered);
            answers.SetResult();
        }
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task While_the_store_fails_messages_stay_and_are_not_tried_in_a_hot_loop()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        await using var node = await Node.StartAsync(Uri);
        node.Faults.Failure = new StoreException(StoreProblem.DiskFull, "The disk is full.");
        await node.ListenAsync($"amqp:{_queue}");
        for (var n = 1; n <= 20; n++)
            await stranger.PublishAsync(_queue, $$"""{"n":{{n}}}""");
        await Node.SoonAsync(async () => (await node.StatusAsync()) is { Error: "The disk is full.", Failures: > 0, NextPollAt: not null });
        Assert.InRange(node.Faults.Asked, 20, 200);
        Assert.Empty(await node.ItemsAsync());

        node.Faults.Failure = null;
        Assert.Equal(20, (await node.ContentsAsync(20)).Count);
        await Node.SoonAsync(async () => (await node.StatusAsync()) is { Error: null, Failures: 0, ItemsAdded: 20 });
        await node.StopAsync();
        Assert.Null(await stranger.TakeAsync(_queue));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task No_more_messages_are_taken_on_than_were_allowed()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue);
        for (var n = 1; n <= 100; n++)
            await stranger.PublishAsync(_queue, $$"""{"n":{{n}}}""");
        var answers = new TaskCompletionSource();
        await using var node = await Node.StartAsync(Uri, options => options.Prefetch = 7);
        node.Faults.Answers = answers.Task;
        await node.Store.PutTopicAsync("ads", settings: null, CancellationToken.None);
        await node.ListenAsync($"amqp:{_queue}");
        await Node.SoonAsync(() => Task.FromResult(node.Faults.Asked >= 7));
        Assert.Equal(93U, await stranger.Channel.MessageCountAsync(_queue));
        Assert.Equal(7, node.Faults.Asked);
        answers.SetResult();
        await node.ContentsAsync(100);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_queue_that_is_deleted_is_reported_and_declared_again()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}");
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 1);
        await stranger.Channel.QueueDeleteAsync(_queue);
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 1);
        await stranger.PublishAsync(_queue, """{"n":1}""");
        await node.ContentsAsync(1);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_source_can_be_paused_changed_and_deleted()
    {
        var other = OneBroker.NewName("other");
        await using var node = await Node.StartAsync(Uri);
        await node.ListenAsync($"amqp:{_queue}");
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 1 && (await node.StatusAsync()).LastOutcome == "listening");
        await node.ListenAsync($"amqp:{_queue}", paused: true);
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 0);
        await node.ListenAsync($"amqp:{other}");
        await Node.SoonAsync(async () => await ConsumersAsync(other) == 1);
        Assert.Equal(0U, await ConsumersAsync(_queue));
        await node.ForgetAsync();
        await Node.SoonAsync(async () => await ConsumersAsync(other) == 0);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_comes_later_and_dies_between_is_listened_to_again()
    {
        await using var server = await RabbitMqServer.StartAsync();
        await server.KillAsync();
        await using var node = await Node.StartAsync(server.Address.AbsoluteUri);
        await node.ListenAsync("amqp:ads");
        await Node.SoonAsync(async () => (await node.StatusAsync()) is { Failures: > 0, LastOutcome: "not listening", Error: not null });
        for (var round = 1; round <= 2; round++)
        {
            await server.StartAgainAsync();
            await using (var connection = await new ConnectionFactory { Uri = server.Address }.CreateConnectionAsync())
            {
                await using var stranger = new Stranger(connection, await connection.CreateChannelAsync(new CreateChannelOptions(true, true)));
                await stranger.DeclareAsync("ads");
                await stranger.PublishAsync("ads", $$"""{"round":{{round}}}""");
            }

            await node.ContentsAsync(round);
            await server.KillAsync();
        }

        await Node.SoonAsync(async () => (await node.StatusAsync()).Failures > 0);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_falls_silent_is_noticed_and_listened_to_again()
    {
        await using var server = await RabbitMqServer.StartAsync();
        await using var node = await Node.StartAsync(server.Address.AbsoluteUri, options => options.Heartbeat = TimeSpan.FromSeconds(1));
        await node.ListenAsync("amqp:ads");
        await Node.SoonAsync(async () => (await node.StatusAsync()).LastOutcome == "listening");
        server.Freeze();
        await Node.SoonAsync(async () => (await node.StatusAsync()).Failures > 0);
        server.Thaw();
        await using var stranger = await Stranger.ConnectAsync(server.Address);
        await stranger.PublishAsync("ads", """{"n":1}""");
        await node.ContentsAsync(1);
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Two_nodes_divide_a_queue_between_them()
    {
        await using var stranger = await rabbit.StrangerAsync();
        await using var one = await Node.StartAsync(Uri, options => options.Prefetch = 5);
        await using var two = await Node.StartAsync(Uri, options => options.Prefetch = 5);
        await one.ListenAsync($"amqp:{_queue}");
        await two.ListenAsync($"amqp:{_queue}");
        await Node.SoonAsync(async () => await ConsumersAsync(_queue) == 2);
        for (var n = 1; n <= 200; n++)
            await stranger.PublishAsync(_queue, $$"""{"n":{{n}}}""");
        await Node.SoonAsync(async () => (await one.ItemsAsync()).Count + (await two.ItemsAsync()).Count == 200);
        Assert.NotEmpty(await one.ItemsAsync());
        Assert.NotEmpty(await two.ItemsAsync());
    }

    /// <summary>Who listens to the queue; 0 also when there is none.</summary>
    private async Task<uint> ConsumersAsync(string queue)
    {
        await using var stranger = await rabbit.StrangerAsync();
        try
        {
            return await stranger.Channel.ConsumerCountAsync(queue);
        }
        catch (RabbitMQ.Client.Exceptions.OperationInterruptedException)
        {
            return 0;
        }
    }

    private async Task<List<BasicGetResult>> DeadAsync(int count)
    {
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.DeclareAsync(_queue + ".dead");
        var dead = new List<BasicGetResult>();
        await Node.SoonAsync(async () =>
        {
            dead.AddRange(await stranger.TakeAllAsync(_queue + ".dead"));
            return dead.Count >= count;
        });
        return dead;
    }
}
