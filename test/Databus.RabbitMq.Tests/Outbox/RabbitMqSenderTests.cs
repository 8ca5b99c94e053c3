using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Databus.Destinations;
using Databus.Outbox;
using Databus.RabbitMq.Outbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using RabbitMQ.Client;

namespace Databus.RabbitMq.Tests.Outbox;

public sealed class RabbitMqSenderTests(OneBroker rabbit)
{
    private const string Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static readonly DateTimeOffset RecordedAt = new(2026, 3, 1, 12, 0, 0, 123, TimeSpan.Zero);

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_message_says_which_it_is_and_is_kept()
    {
        var queue = OneBroker.NewName("outbox");
        await using var broker = rabbit.Connect();
        await using var sender = new RabbitMqSender<Parcel>(broker, new() { Queue = queue });
        Assert.Equal([SendOutcome.Sent], await sender.SendAsync([Message(7, orderKey: "bücher", trace: Trace)], default));

        await using var stranger = await rabbit.StrangerAsync();
        var message = Assert.Single(await stranger.TakeAllAsync(queue));
        Assert.Equal("""{"number":7}""", Stranger.Text(message));
        var properties = message.BasicProperties;
        Assert.Equal(Id(7).ToString(), properties.MessageId);
        Assert.Equal("parcel-sent", properties.Type);
        Assert.Equal("application/json", properties.ContentType);
        Assert.Equal("databus", properties.AppId);
        Assert.Equal(DeliveryModes.Persistent, properties.DeliveryMode);
        Assert.Equal(RecordedAt.ToUnixTimeSeconds(), properties.Timestamp.UnixTime);
        Assert.Equal("bücher", Stranger.Header(message, "databus-order-key"));
        Assert.Equal(Trace, Stranger.Header(message, "traceparent"));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task Many_are_under_way_at_once_and_none_is_lost_or_doubled()
    {
        var queue = OneBroker.NewName("outbox-many");
        await using var broker = rabbit.Connect();
        await using var sender = new RabbitMqSender<Parcel>(broker, new() { Queue = queue });
        var sends = await Task.WhenAll(Enumerable.Range(0, 4).Select(part =>
            sender.SendAsync([.. Enumerable.Range(part * 500, 500).Select(number => Message(number))], default)));
        Assert.All(sends.SelectMany(outcomes => outcomes), outcome => Assert.Equal(SendOutcome.Sent, outcome));
        await using var stranger = await rabbit.StrangerAsync();
        var numbers = (await stranger.TakeAllAsync(queue)).Select(message => JsonDocument.Parse(message.Body).RootElement.GetProperty("number").GetInt32());
        Assert.Equal(Enumerable.Range(0, 2000), numbers.Order());
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task To_an_exchange_each_message_has_its_own_routing_key_and_what_no_queue_takes_has_failed()
    {
        var exchange = OneBroker.NewName("orders");
        await using var stranger = await rabbit.StrangerAsync();
        await stranger.Channel.ExchangeDeclareAsync(exchange, "direct");
        await stranger.DeclareAsync(exchange);
        await stranger.Channel.QueueBindAsync(exchange, exchange, "odd");
        await using var broker = rabbit.Connect();
        await using var sender = new RabbitMqSender<Parcel>(broker, new()
        {
            Exchange = exchange,
            RoutingKey = message => message.Content.Number switch
            {
                6 => throw new NotSupportedException("no six"),
                8 => new string('x', 256),
                var number => number % 2 == 0 ? "even" : "odd",
            },
        });
        var outcomes = await sender.SendAsync([.. Enumerable.Range(1, 9).Select(number => Message(number))], default);
        Assert.Equal(
            [SendResult.Sent, SendResult.Failed, SendResult.Sent, SendResult.Failed, SendResult.Sent, SendResult.Failed, SendResult.Sent, SendResult.Hopeless, SendResult.Sent],
            outcomes.Select(outcome => outcome.Result));
        Assert.Contains("\"even\"", outcomes[1].Reason, StringComparison.Ordinal);
        Assert.Contains("no six", outcomes[5].Reason, StringComparison.Ordinal);
        Assert.Equal([1, 3, 5, 7, 9], (await stranger.TakeAllAsync(exchange)).Select(message => int.Parse(message.BasicProperties.MessageId![..8], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task A_broker_that_is_not_there_is_unavailable()
    {
        await using var broker = OneBroker.Connect("amqp://127.0.0.1:1/");
        await using var sender = new RabbitMqSender<Parcel>(broker, new() { Queue = "parcels" });
        Assert.All(await sender.SendAsync([Message(1), Message(2)], default), outcome => Assert.Equal(SendResult.Unavailable, outcome.Result));
    }

    [Fact(Timeout = OneBroker.Patience)]
    public async Task An_exchange_that_does_not_exist_is_for_the_operator_to_mend()
    {
        await using var broker = rabbit.Connect();
        await using var sender = new RabbitMqSender<Parcel>(broker, new() { Exchange = OneBroker.NewName("missing") });
        Assert.Equal(SendResult.Unavailable, Assert.Single(await sender.SendAsync([Message(1)], default)).Result);
    }

    [Fact]
    public void Options_are_judged()
    {
        Assert.NotNull(new RabbitMqSenderOptions<Parcel>().FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Queue = "a", Exchange = "b" }.FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Queue = "amq.a" }.FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Queue = "" }.FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Queue = "a\nb" }.FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Queue = new string('q', 252), IsQuorum = true }.FindMistake());
        Assert.NotNull(new RabbitMqSenderOptions<Parcel> { Exchange = "a", IsQuorum = true }.FindMistake());
        Assert.Null(new RabbitMqSenderOptions<Parcel> { Queue = "a", IsQuorum = true }.FindMistake());
        Assert.Null(new RabbitMqSenderOptions<Parcel> { Exchange = "amq.topic" }.FindMistake());
        var error = Assert.Throws<ArgumentException>(() => new ServiceCollection().AddRabbitMqSender<Parcel>(_ => { }));
        Assert.Contains("Queue", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_sender_of_a_type_is_the_one_that_was_configured(bool configuredFirst)
    {
        var services = new ServiceCollection()
            .AddSingleton(typeof(ILogger<>), typeof(NullLogger<>))
            .AddRabbitMq(options => options.Uri = rabbit.Server.Address.AbsoluteUri);
        if (configuredFirst)
            services.AddRabbitMqSender<Parcel>(sender => sender.Queue = "parcels");
        services.AddOutboxMessage<Parcel, RabbitMqSender<Parcel>>("parcel-sent", ParcelJson.Default.Parcel);
        if (!configuredFirst)
            services.AddRabbitMqSender<Parcel>(sender => sender.Queue = "parcels");
        await using var provider = services.BuildServiceProvider();
        await using var scope = provider.CreateAsyncScope();
        Assert.Same(provider.GetRequiredService<RabbitMqSender<Parcel>>(), scope.ServiceProvider.GetRequiredService<RabbitMqSender<Parcel>>());
    }

    private static Guid Id(int number) => new(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0);

    private static OutboxMessage<Parcel> Message(int number, string? orderKey = null, string? trace = null) => new(
        Id(number), "parcel-sent", orderKey, new Parcel(number), Encoding.UTF8.GetBytes($$"""{"number":{{number}}}"""), ParcelJson.Default.Parcel,
        attempt: 1, RecordedAt, trace);
}

/// <summary>A message.</summary>
internal sealed record Parcel(int Number);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Parcel))]
internal sealed partial class ParcelJson : JsonSerializerContext;
