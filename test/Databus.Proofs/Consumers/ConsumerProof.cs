using System.Diagnostics;
using System.Globalization;
using System.Text;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Consumers;

/// <summary>How much the consumers get.</summary>
/// <param name="Items">How many items each measured round has.</param>
/// <param name="Rounds">How many rounds with poison and how many without, in turns.</param>
/// <param name="Kills">How often the server is killed while items are consumed.</param>
internal sealed record ConsumerSettings(int Items, int Rounds, int Kills, int Seed);

/// <summary>
/// P4: at least once and fenced. A consumer that slept through its lease cannot acknowledge; what fails too often
/// becomes a dead letter and holds up nobody; every item is acknowledged in the end, through kills of the server.
/// </summary>
internal sealed class ConsumerProof(ConsumerSettings settings, Findings findings)
{
    private const string Subscription = "workers";
    private const int MaxAttempts = 3;
    private const double RateKept = 0.95;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        var port = LoopbackPort.Find();
        var server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
        try
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            await ProveFenceAsync(client, server.Address, cancellationToken);
            await ProvePoisonAsync(client, server.Address, cancellationToken);
            server = await ProveKillsAsync(client, server, data.Path, port, cancellationToken);
        }
        finally
        {
            await server.DisposeAsync();
        }
    }

    private async Task ProveFenceAsync(BusClient client, Uri address, CancellationToken cancellationToken)
    {
        const string topic = "fenced";
        await AddAsync(client, topic, count: 3, poison: 0, cancellationToken);
        var ids = await ReadIdsAsync(client, topic, cancellationToken);
        await client.PutSubscriptionAsync(topic, Subscription, leaseSeconds: 2, MaxAttempts, cancellationToken);

        var sleeper = new DeliveryLedger();
        var waking = new DeliveryLedger();
        var holds = new ConsumeSettings(address, topic, Subscription, Max: 3, LeaseSeconds: 2, WorkMilliseconds: 0, Hold: true, Heal: false);
        await using (var first = ConsumerProcess.Start(holds, sleeper))
        {
            await Deadline.WaitAsync(() => sleeper.Total("got") == ids.Count, Patience, cancellationToken);
            first.Freeze();
            await using (ConsumerProcess.Start(holds with { Hold = false, LeaseSeconds = 30 }, waking))
                await Deadline.WaitAsync(() => waking.Total("acked") == ids.Count, Patience, cancellationToken);
            first.Thaw();
            await first.GoOnAsync();
            await Deadline.WaitAsync(() => sleeper.Total("lost") + sleeper.Total("acked") == ids.Count, Patience, cancellationToken);
        }

        findings.Claim(
            ids.All(id => sleeper.Count("got", id) == 1 && sleeper.Count("lost", id) == 1) && sleeper.Total("acked") == 0,
            $"a consumer stopped past its lease took {sleeper.Total("got")} items and was told that all {sleeper.Total("lost")} are lost");
        findings.Claim(
            ids.All(id => waking.Count("acked", id) == 1 && waking.Count("attempts", id) == 2),
            $"another got them as second attempt and acknowledged {waking.Total("acked")}");
    }

    private async Task ProvePoisonAsync(BusClient client, Uri address, CancellationToken cancellationToken)
    {
        var poisoned = Math.Max(2, settings.Items / 300);
        var kept = new List<double>();
        var lastTopic = "";
        for (var round = 1; round <= settings.Rounds; round++)
        {
            // Side by side: what else the machine does changes from second to second, and slows both.
            lastTopic = $"mixed-{round}";
            var rates = await Task.WhenAll(
                MeasureAsync(client, address, $"clean-{round}", poison: 0, cancellationToken),
                MeasureAsync(client, address, lastTopic, poisoned, cancellationToken));
            var (clean, mixed) = (rates[0], rates[1]);
            kept.Add(mixed / clean);
            findings.Say($"round {round}: {clean:0} items a second without poison, {mixed:0} good ones with");
        }

        var median = Figures.Percentile(kept, 0.5);
        findings.Claim(median >= RateKept, string.Create(
            CultureInfo.InvariantCulture,
            $"with {poisoned} poison items among {settings.Items} the rest flows at {median:P1} of its rate ")
            + $"(median of {settings.Rounds} rounds; at least {RateKept:P0})");
        await ProveReplayAsync(client, address, lastTopic, poisoned, cancellationToken);
    }

    /// <summary>How many good items a second are acknowledged, from the first delivery to the last acknowledgement.</summary>
    private async Task<double> MeasureAsync(
        BusClient client, Uri address, string topic, int poison, CancellationToken cancellationToken)
    {
        await client.PutTopicAsync(topic, cancellationToken);
        await client.PutSubscriptionAsync(topic, Subscription, leaseSeconds: 30, MaxAttempts, cancellationToken);
        var ledger = new DeliveryLedger();
        var works = new ConsumeSettings(address, topic, Subscription, Max: 10, LeaseSeconds: 30, WorkMilliseconds: 20, Hold: false, Heal: false);
        var consumers = Enumerable.Range(0, 2).Select(_ => ConsumerProcess.Start(works, ledger)).ToArray();
        try
        {
            // A first item each, so that no start of a process is measured.
            var warmUp = consumers.Length * 10;
            await AddAsync(client, topic, warmUp, poison: 0, cancellationToken, member: "warm-up");
            await Deadline.WaitAsync(() => ledger.Total("acked") == warmUp, Patience, cancellationToken);
            var before = ledger.Total("acked");
            var started = Stopwatch.GetTimestamp();
            await AddAsync(client, topic, settings.Items + poison, poison, cancellationToken);
            if (!await Deadline.WaitAsync(() => ledger.Total("acked") - before >= settings.Items, Patience, cancellationToken))
                findings.Violated($"{topic}: {ledger.Total("acked") - before} of {settings.Items} items were acknowledged in {Patience}");
            var elapsed = Stopwatch.GetElapsedTime(started);

            await Deadline.WaitAsync(() => ledger.Total("returned") >= poison * MaxAttempts, Patience, cancellationToken);
            var returned = ledger.Ids("returned");
            if (returned.Count != poison || returned.Any(id => ledger.Count("returned", id) != MaxAttempts))
                findings.Violated($"{topic}: {returned.Count} items were returned {ledger.Total("returned")} times, {poison} are poison");
            return settings.Items / elapsed.TotalSeconds;
        }
        finally
        {
            foreach (var consumer in consumers)
                await consumer.DisposeAsync();
        }
    }

    private async Task ProveReplayAsync(
        BusClient client, Uri address, string topic, int poisoned, CancellationToken cancellationToken)
    {
        var path = $"api/v1/topics/{topic}/subscriptions/{Subscription}";
        var page = await client.SendAsync(HttpMethod.Get, path + "/dead?limit=1000", body: null, cancellationToken);
        var dead = page.EnsureSuccess().Body.GetProperty("dead").EnumerateArray().ToList();
        findings.Claim(
            dead.Count == poisoned && dead.All(letter =>
                letter.GetProperty("attempts").GetInt32() == MaxAttempts && letter.GetProperty("reason").GetString() == "it is poison"),
            $"{dead.Count} poison items are dead letters, after {MaxAttempts} attempts and with their reason");

        var replay = await client.SendJsonAsync(HttpMethod.Post, path + "/dead/replay", new { }, cancellationToken);
        var replayed = replay.EnsureSuccess().Number("replayed");
        var ledger = new DeliveryLedger();
        var heals = new ConsumeSettings(address, topic, Subscription, Max: 10, LeaseSeconds: 30, WorkMilliseconds: 0, Hold: false, Heal: true);
        await using (ConsumerProcess.Start(heals, ledger))
            await Deadline.WaitAsync(() => ledger.Total("acked") >= poisoned, Patience, cancellationToken);
        var status = (await client.GetSubscriptionAsync(topic, Subscription, cancellationToken)).EnsureSuccess();
        findings.Claim(
            replayed == poisoned && ledger.Total("acked") == poisoned && IsEmpty(status),
            $"{replayed} dead letters were replayed and {ledger.Total("acked")} acknowledged; nothing is left");
    }

    private async Task<ServerProcess> ProveKillsAsync(
        BusClient client, ServerProcess server, string data, int port, CancellationToken cancellationToken)
    {
        const string topic = "killed";
        var random = new Random(settings.Seed);
        var count = settings.Items * 2;
        await client.PutTopicAsync(topic, cancellationToken);
        await client.PutSubscriptionAsync(topic, Subscription, leaseSeconds: 2, maxAttempts: 1000, cancellationToken);
        await AddAsync(client, topic, count, poison: 0, cancellationToken);
        var ids = await ReadIdsAsync(client, topic, cancellationToken);
        var ledger = new DeliveryLedger();
        var works = new ConsumeSettings(server.Address, topic, Subscription, Max: 7, LeaseSeconds: 2, WorkMilliseconds: 2, Hold: false, Heal: false);
        var consumers = Enumerable.Range(0, 4).Select(_ => ConsumerProcess.Start(works, ledger)).ToArray();
        try
        {
            for (var kill = 1; kill <= settings.Kills; kill++)
            {
                var moment = (long)count * kill / (settings.Kills + 1);
                await Deadline.WaitAsync(() => ledger.Total("acked") >= moment, Patience, cancellationToken);
                await Task.Delay(random.Next(20), cancellationToken);
                await server.DisposeAsync();
                server = await ServerProcess.StartAsync(data, port, cancellationToken);
            }

            await Deadline.WaitAsync(
                async () => IsEmpty(await client.GetSubscriptionAsync(topic, Subscription, cancellationToken)), Patience, cancellationToken);
        }
        finally
        {
            foreach (var consumer in consumers)
                await consumer.DisposeAsync();
        }

        var never = ids.Count(id => ledger.Count("acked", id) == 0 && ledger.Count("unknown", id) == 0);
        var twice = ids.Count(id => ledger.Count("acked", id) > 1);
        var unanswered = ids.Count(id => ledger.Count("acked", id) == 0 && ledger.Count("unknown", id) > 0);
        findings.Claim(
            ids.Count == count && never == 0 && twice == 0,
            $"over {settings.Kills} kills of the server {ids.Count} items were delivered {ledger.Total("got")} times: "
            + $"{never} never acknowledged, {twice} acknowledged twice, {unanswered} acknowledged by a request whose answer was cut off, "
            + $"{ledger.Total("lost")} late acknowledgements refused");
        findings.Claim(
            IsEmpty(await client.GetSubscriptionAsync(topic, Subscription, cancellationToken)), "the subscription is at the end of its topic");
        return server;
    }

    private static bool IsEmpty(Answer subscription) =>
        subscription.IsSuccess && subscription.LongNumber("lag") == 0 && subscription.LongNumber("inFlight") == 0
        && subscription.LongNumber("waiting") == 0 && subscription.LongNumber("dead") == 0;

    /// <summary>Adds items in bulk, the poison spread among them.</summary>
    private static async Task AddAsync(
        BusClient client, string topic, int count, int poison, CancellationToken cancellationToken, string member = "work")
    {
        var every = poison == 0 ? count : count / poison;
        var lines = new StringBuilder();
        for (var number = 0; number < count; number++)
        {
            var isPoison = number % every == 0 && number / every < poison;
            lines.Append(CultureInfo.InvariantCulture, $$"""{"{{member}}":{{number}},"poison":{{(isPoison ? "true" : "false")}}}""").Append('\n');
        }

        var answer = await client.AddLinesAsync(topic, new StringContent(lines.ToString()), cancellationToken);
        if (answer.Added != count)
            throw new InvalidOperationException($"{count} items were to be added to {topic}: {answer}");
    }

    private static async Task<IReadOnlyList<long>> ReadIdsAsync(BusClient client, string topic, CancellationToken cancellationToken)
    {
        var ids = new List<long>();
        await foreach (var item in client.ReadAllAsync(topic, after: 0, cancellationToken))
            ids.Add(Answer.ReadId(item));
        return ids;
    }
}
