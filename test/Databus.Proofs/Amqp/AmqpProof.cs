using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Amqp;

/// <summary>How much goes through the broker, and how often it is killed meanwhile.</summary>
internal sealed record AmqpSettings(int Items, int Kills, int Seed);

/// <summary>
/// What is added at <c>/add</c> arrives at a program in Python that reads the durable queue <c>Apartment_ads</c>, all of it,
/// through kills of the broker; what cannot be routed becomes a dead letter with its reason and never counts as sent.
/// </summary>
internal sealed class AmqpProof(AmqpSettings settings, Findings findings)
{
    private const string Queue = "Apartment_ads";
    private const int AtOnce = 250;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var broker = await RabbitMqServer.StartAsync();
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(
            new ServerSettings(data.Path, LoopbackPort.Find())
            {
                Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_RABBITMQ__URI"] = broker.Address.ToString() },
            },
            cancellationToken);
        using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
        await ProveNothingLostAsync(broker, client, cancellationToken);
        await ProveUnroutableAsync(client, cancellationToken);
        if (server.FirstFailure is { } failure)
            findings.Violated($"the server's log speaks of a failure: {failure}");
    }

    private async Task ProveNothingLostAsync(RabbitMqServer broker, BusClient client, CancellationToken cancellationToken)
    {
        const string subscription = "queue";
        await client.PutTopicAsync("ads", cancellationToken);
        (await PutAsync(client, "ads", subscription, new { destination = new { kind = "rabbitmq", queue = Queue }, start = "beginning" }, cancellationToken)).EnsureSuccess();
        var got = new ConcurrentDictionary<int, int>();
        using var python = StartConsumer(broker.Address, got);
        try
        {
            await AddAsync(client, 0, AtOnce, cancellationToken);
            await Deadline.WaitAsync(() => got.Count == AtOnce, Patience, cancellationToken);

            // RabbitMQ 3.10 can forget a queue that was declared a moment before the kill, with all in it, until it has
            // folded its log of declarations.
            await broker.ControlAsync("eval", "mnesia:dump_log().");

            var random = new Random(settings.Seed);
            var killAt = Enumerable.Range(1, settings.Kills).Select(kill => (settings.Items * kill / (settings.Kills + 1)) + random.Next(AtOnce)).ToList();
            var adding = Task.Run(
                async () =>
                {
                    for (var first = AtOnce; first < settings.Items; first += AtOnce)
                        await AddAsync(client, first, Math.Min(AtOnce, settings.Items - first), cancellationToken);
                },
                cancellationToken);
            foreach (var at in killAt)
            {
                await Deadline.WaitAsync(() => got.Count >= at, Patience, cancellationToken);
                await broker.KillAsync();
                await broker.StartAgainAsync();
            }

            await adding;
            await Deadline.WaitAsync(() => got.Count >= settings.Items, Patience, cancellationToken);
        }
        finally
        {
            python.Kill();
        }

        findings.Claim(
            got.Count == settings.Items,
            $"{got.Count} of {settings.Items} ads arrived at the program in Python over {settings.Kills} kills of the broker, {got.Values.Sum() - got.Count} of them again");
        await Deadline.WaitAsync(async () => (await client.GetSubscriptionAsync("ads", subscription, cancellationToken)).LongNumber("inFlight") == 0, Patience, cancellationToken);
        var status = await client.GetSubscriptionAsync("ads", subscription, cancellationToken);
        findings.Claim(
            status.LongNumber("lag") == 0 && status.LongNumber("dead") == 0, $"all are sent and acknowledged, none is a dead letter: {status.Body}");
    }

    private async Task ProveUnroutableAsync(BusClient client, CancellationToken cancellationToken)
    {
        const int count = 20, attempts = 2;
        await client.PutTopicAsync("lost", cancellationToken);
        (await PutAsync(
            client, "lost", "nowhere",
            new { destination = new { kind = "rabbitmq", exchange = "amq.direct", routingKey = "nobody" }, maxAttempts = attempts, start = "beginning" },
            cancellationToken)).EnsureSuccess();
        for (var number = 0; number < count; number++)
            await client.AddAsync("lost", Encoding.UTF8.GetBytes($$"""{"ad":{{number}}}"""), idempotencyKey: null, cancellationToken);
        await Deadline.WaitAsync(
            async () => (await client.GetSubscriptionAsync("lost", "nowhere", cancellationToken)).LongNumber("dead") == count, Patience, cancellationToken);
        var page = await client.SendAsync(HttpMethod.Get, "api/v1/topics/lost/subscriptions/nowhere/dead", body: null, cancellationToken);
        var dead = page.EnsureSuccess().Body.GetProperty("dead").EnumerateArray().ToList();
        findings.Claim(
            dead.Count == count && dead.All(letter => letter.GetProperty("attempts").GetInt32() == attempts),
            $"{dead.Count} of {count} messages that nobody takes are dead letters after {attempts} attempts");
        findings.Claim(
            dead.All(letter => letter.GetProperty("reason").GetString()!.Contains("nobody", StringComparison.Ordinal)),
            $"each with its reason: {(dead.Count == 0 ? "" : dead[0].GetProperty("reason").GetString())}");
    }

    private static Task<Answer> PutAsync(BusClient client, string topic, string subscription, object body, CancellationToken cancellationToken) =>
        client.SendJsonAsync(HttpMethod.Put, $"api/v1/topics/{topic}/subscriptions/{subscription}", body, cancellationToken);

    private static async Task AddAsync(BusClient client, int first, int count, CancellationToken cancellationToken)
    {
        var lines = new StringBuilder();
        for (var number = first; number < first + count; number++)
            lines.Append(CultureInfo.InvariantCulture, $$"""{"ad":{{number}},"title":"Flat {{number}} in Łódź"}""").Append('\n');
        var answer = await client.AddLinesAsync("ads", new StringContent(lines.ToString()), cancellationToken);
        if (answer.Added != count)
            throw new InvalidOperationException($"{count} ads were to be added: {answer}");
    }

    /// <summary>Debian's Python has pika; another one that comes first on the PATH may not.</summary>
    private static Process StartConsumer(Uri broker, ConcurrentDictionary<int, int> got)
    {
        var python = ExternalTool.Find("python3", "python3", "/usr/bin");
        var process = ExternalTool.Start(python, Path.Combine(Checkout.Root, "test/Databus.Proofs/Amqp/consumer.py"), broker.ToString(), Queue);
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data?.Split(' ') is [var ad, _] && int.TryParse(ad, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                got.AddOrUpdate(number, 1, (_, times) => times + 1);
        };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
