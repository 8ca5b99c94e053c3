using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;
using RabbitMQ.Client;

namespace Databus.Bench.RabbitMq;

/// <summary>A subscription that pushes to a durable queue, beside a bare client that publishes the same with the same confirms.</summary>
internal static class RabbitMqOut
{
    private const int Items = 60_000;

    /// <summary>As many as the dispatcher has under way.</summary>
    private const int InFlight = 2000;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var broker = await RabbitMqServer.StartAsync();
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(
            new ServerSettings(data.Path, LoopbackPort.Find())
            {
                Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_RABBITMQ__URI"] = broker.Address.ToString() },
            },
            CancellationToken.None);
        using var http = new HttpClient { BaseAddress = server.Address };
        using var line = await HttpLine.OpenAsync(server.Address);
        await line.PostAsync("/api/v1/topics/out/items", Listings.Lines(Items), "application/x-ndjson");

        await PushAsync(http, "warm-up");
        await PublishAsync(broker.Address, "bare-warm-up");
        List<double> baseline = [], databus = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(await PublishAsync(broker.Address, string.Create(CultureInfo.InvariantCulture, $"bare-{round}")));
            databus.Add(await PushAsync(http, string.Create(CultureInfo.InvariantCulture, $"round-{round}")));
        }

        report.Add(new Figure(
            "RabbitMQ out of a topic", "items/s", Median.Of(databus), "bare client, same messages and confirms", Median.Of(baseline), Limit.AtLeast(0.8)));
    }

    /// <summary>From the moment the subscription may push to the last item confirmed and acknowledged.</summary>
    private static async Task<double> PushAsync(HttpClient http, string name)
    {
        var path = $"/api/v1/topics/out/subscriptions/{name}";
        await PutAsync($$$"""{"start":"beginning","paused":true,"destination":{"kind":"rabbitmq","queue":"{{{name}}}"}}""");
        var started = Stopwatch.GetTimestamp();
        await PutAsync("""{"paused":false}""");
        while (true)
        {
            using var status = JsonDocument.Parse(await http.GetStringAsync(path));
            if (status.RootElement.GetProperty("lag").GetInt64() == 0 && status.RootElement.GetProperty("inFlight").GetInt64() == 0)
                return Items / Stopwatch.GetElapsedTime(started).TotalSeconds;
            await Task.Delay(10);
        }

        async Task PutAsync(string json)
        {
            using var content = new StringContent(json, Encoding.UTF8, "application/json");
            (await http.PutAsync(path, content)).EnsureSuccessStatusCode();
        }
    }

    private static async Task<double> PublishAsync(Uri address, string queue)
    {
        var factory = new ConnectionFactory { Uri = address };
        await using var connection = await factory.CreateConnectionAsync();

        // Without the client's own tracking, which costs more than half: confirms are counted as they come.
        await using var channel = await connection.CreateChannelAsync(
            new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false));
        await channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false);
        using var room = new SemaphoreSlim(InFlight);
        var (confirmed, done) = (0UL, new TaskCompletionSource());
        channel.BasicAcksAsync += (_, ack) =>
        {
            var last = ack.Multiple ? ack.DeliveryTag : confirmed + 1;
            if (last > confirmed)
                room.Release((int)(last - confirmed));
            confirmed = Math.Max(confirmed, last);
            if (confirmed >= Items)
                done.TrySetResult();
            return Task.CompletedTask;
        };
        var bodies = Enumerable.Range(0, 1000).Select(_ => Encoding.UTF8.GetBytes($$$"""{"content":{{{Encoding.UTF8.GetString(Listings.Next())}}}}""")).ToArray();
        var properties = new BasicProperties
        {
            Persistent = true,
            ContentType = "application/json",
            AppId = "databus",
            Timestamp = new AmqpTimestamp(1_700_000_000),
            Headers = new Dictionary<string, object?>(StringComparer.Ordinal) { ["databus-topic"] = "out" },
        };
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < Items; i++)
        {
            await room.WaitAsync();
            properties.MessageId = i.ToString(CultureInfo.InvariantCulture);
            await channel.BasicPublishAsync("", queue, mandatory: true, properties, bodies[i % bodies.Length]);
        }

        await done.Task;
        return Items / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
