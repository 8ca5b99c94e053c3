using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Consumers;
using Databus.Proofs.Http;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Transactions;

/// <summary>For how long a transaction is left open, and how long each measurement before and at the end of it takes.</summary>
internal sealed record LongTransactionSettings(int Seconds, int WindowSeconds, bool IsControl, int Seed);

/// <summary>
/// A transaction that somebody leaves open on the same database changes neither how much goes through nor how long a
/// delivery takes; and the operator is told of it.
/// </summary>
internal sealed class LongTransactionProof(LongTransactionSettings settings, Findings findings)
{
    private const int SenderCount = 8;
    private const double Change = 0.2;
    private const int NamedAfterSeconds = 60;
    private static readonly TimeSpan BetweenProbes = TimeSpan.FromMilliseconds(50);

    /// <summary>As the docs advise: what is measured shall be the transaction, not a cache that the growing keys no longer fit.</summary>
    private static readonly Dictionary<string, string> Advised = new(StringComparer.Ordinal)
    {
        ["shared_buffers"] = "1GB",
        ["max_wal_size"] = "8GB",
        ["checkpoint_timeout"] = "15min",
    };

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync(new() { Parameters = Advised });
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(
            new ServerSettings(data.Path, LoopbackPort.Find()) { Store = postgres.Url() }, cancellationToken);
        using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
        var ledger = new Ledger("ads", findings);
        (await client.PutTopicAsync(ledger.Topic, cancellationToken)).EnsureSuccess();
        (await client.PutTopicAsync("probes", cancellationToken)).EnsureSuccess();

        var handled = new DeliveryLedger();
        await using var consumer = ConsumerProcess.Start(
            new(server.Address, ledger.Topic, "workers", Max: 100, LeaseSeconds: 30, WorkMilliseconds: 0, Hold: false, Heal: false), handled);
        var senders = new Senders(client, [ledger], settings.Seed);
        var sending = senders.RunAsync(SenderCount, cancellationToken);
        await Task.Delay(TimeSpan.FromSeconds(settings.WindowSeconds), cancellationToken);

        var before = await MeasureAsync("before", client, ledger, handled, cancellationToken);
        var open = settings.IsControl ? Task.Delay(TimeSpan.FromSeconds(settings.Seconds), cancellationToken) : postgres.ExecuteAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM databus.topics; SELECT pg_sleep({settings.Seconds}); COMMIT"));
        await Task.Delay(TimeSpan.FromSeconds(settings.Seconds - settings.WindowSeconds - 2), cancellationToken);
        var during = await MeasureAsync($"after {settings.Seconds} s of it", client, ledger, handled, cancellationToken);
        if (settings.Seconds > NamedAfterSeconds && !settings.IsControl)
            await ClaimNamedAsync(client, postgres, cancellationToken);
        await open;
        await Task.Delay(TimeSpan.FromSeconds(settings.WindowSeconds), cancellationToken);
        await MeasureAsync("after it", client, ledger, handled, cancellationToken);
        senders.Stop();
        await sending;

        findings.Claim(during.Adds >= before.Adds * (1 - Change), $"adds keep {during.Adds / before.Adds:P0} of their rate");
        findings.Claim(during.Acknowledged >= before.Acknowledged * (1 - Change), $"deliveries keep {during.Acknowledged / before.Acknowledged:P0} of their rate");
        findings.Claim(
            during.Latency <= before.Latency * (1 + Change) || during.Latency - before.Latency < 0.5,
            string.Create(CultureInfo.InvariantCulture, $"a delivery takes {during.Latency:0.0} ms (median), {before.Latency:0.0} ms before"));
        await ledger.AuditAsync(client, cancellationToken);
    }

    private async Task<(double Adds, double Acknowledged, double Latency)> MeasureAsync(
        string when, BusClient client, Ledger ledger, DeliveryLedger handled, CancellationToken cancellationToken)
    {
        var (adds, acknowledged, started) = (ledger.Answers, handled.Total("acked"), Stopwatch.GetTimestamp());
        var latencies = new List<double>();
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < settings.WindowSeconds)
        {
            var waiting = client.FetchAsync("probes", "probe", max: 1, waitSeconds: 20, leaseSeconds: 30, cancellationToken);
            await Task.Delay(BetweenProbes, cancellationToken);
            var sent = Stopwatch.GetTimestamp();
            await client.AddAsync("probes", System.Text.Encoding.UTF8.GetBytes($$"""{"probe":"{{Guid.NewGuid()}}"}"""), idempotencyKey: null, cancellationToken);
            var taken = await waiting;
            latencies.Add(Stopwatch.GetElapsedTime(sent).TotalMilliseconds);
            await client.AcknowledgeAsync("probes", "probe", taken.Select(delivery => delivery.Token), cancellationToken);
        }

        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        var measured = ((ledger.Answers - adds) / seconds, (handled.Total("acked") - acknowledged) / seconds, Figures.Percentile(latencies, 0.5));
        findings.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{when}: {measured.Item1:0} adds answered a second, {measured.Item2:0} deliveries acknowledged, add to delivery {measured.Item3:0.0} ms"));
        return measured;
    }

    private async Task ClaimNamedAsync(BusClient client, PostgresServer postgres, CancellationToken cancellationToken)
    {
        var overview = (await client.SendAsync(HttpMethod.Get, "api/v1/overview", body: null, cancellationToken)).EnsureSuccess();
        var warning = overview.Body.GetProperty("warnings").EnumerateArray()
            .FirstOrDefault(one => one.GetProperty("code").GetString() == "long-transaction");
        findings.Claim(warning.ValueKind != System.Text.Json.JsonValueKind.Undefined, $"the overview names it: {warning}");

        var start = new ProcessStartInfo(BuiltProgram.Find("Databus.Server"), ["doctor"]) { UseShellExecute = false, RedirectStandardOutput = true };
        start.Environment["DOTNET_ROOT"] = BuiltProgram.RuntimeRoot;
        start.Environment["DATABUS_STORE"] = postgres.Url();
        using var doctor = Process.Start(start)!;
        var said = await doctor.StandardOutput.ReadToEndAsync(cancellationToken);
        await doctor.WaitForExitAsync(cancellationToken);
        findings.Claim(said.Contains("A transaction is open for", StringComparison.Ordinal), "the doctor names it");
    }
}
