using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Consumers;
using Databus.Proofs.Http;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Nodes;

/// <summary>How long and how hard the nodes are hurt.</summary>
/// <param name="Rounds">How many faults, one after the other; every kind has its turn.</param>
/// <param name="CutSeconds">How long the network is cut.</param>
/// <param name="LongCutSeconds">How long it is cut every other time.</param>
internal sealed record NodesSettings(int Rounds, int CutSeconds, int LongCutSeconds, int Seed);

/// <summary>
/// Three nodes on one PostgreSQL, senders with overlapping content, readers and consumers on all of them, through faults of
/// every kind: each key accepted once (P2), nothing lost (P1), nothing skipped (P3), every item handled and no
/// acknowledgement taken that is late (P4), and the rate back within half a minute.
/// </summary>
internal sealed class NodesProof(NodesSettings settings, Findings findings)
{
    private const int Nodes = 3;
    private const int SenderCount = 8;
    private const string Topic = "ads";
    private const string Subscription = "workers";
    private const int LeaseSeconds = 5;
    private const double RateKept = 0.9;
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Frozen = TimeSpan.FromSeconds(LeaseSeconds + 2);
    private static readonly TimeSpan CatchUp = TimeSpan.FromMinutes(3);

    private readonly Random _random = new(settings.Seed);
    private readonly ServerProcess[] _nodes = new ServerProcess[Nodes];
    private readonly ServerSettings[] _settings = new ServerSettings[Nodes];
    private readonly List<double> _recoveries = [];
    private readonly List<double> _rates = [];

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var network = await CutNetwork.CreateAsync();
        await using var postgres = await PostgresServer.StartAsync(new()
        {
            ListenAddresses = "*",
            Host = network.Host,
            NetworkNamespace = network.Namespace,
        });
        using var data = new TemporaryFolder();
        await Task.WhenAll(Enumerable.Range(0, Nodes).Select(async index =>
        {
            _settings[index] = new ServerSettings(data.Path, LoopbackPort.Find()) { Store = postgres.Url(), Name = $"node-{index + 1}" };
            _nodes[index] = await ServerProcess.StartAsync(_settings[index], cancellationToken);
        }));
        try
        {
            await ProveAsync(network, postgres, cancellationToken);
        }
        finally
        {
            foreach (var node in _nodes)
                await node.DisposeAsync();
        }
    }

    private async Task ProveAsync(CutNetwork network, PostgresServer postgres, CancellationToken cancellationToken)
    {
        BusClient[] clients = [.. _nodes.Select(node => new BusClient(node.Address, TimeSpan.FromSeconds(40)))];
        var ledger = new Ledger(Topic, findings);
        (await clients[0].PutTopicAsync(Topic, cancellationToken)).EnsureSuccess();
        (await clients[1].PutSubscriptionAsync(Topic, Subscription, LeaseSeconds, maxAttempts: 1000, cancellationToken)).EnsureSuccess();

        using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        PageFollower[] pages = [.. clients.Select(client => new PageFollower(client, Topic, 500, findings))];
        EventFollower[] events = [new(clients[^1], Topic, maxPerConnection: null, settings.Seed, findings)];
        var reading = Task.WhenAll(
        [
            .. pages.Select(reader => reader.RunAsync(stopReading.Token)), .. events.Select(reader => reader.RunAsync(stopReading.Token)),
        ]);

        var handled = new DeliveryLedger();
        ConsumerProcess[] consumers =
        [
            .. _nodes.Select(node => ConsumerProcess.Start(
                new(node.Address, Topic, Subscription, Max: 200, LeaseSeconds, WorkMilliseconds: 20, Hold: false, Heal: false), handled)),
        ];
        Senders[] senders = [.. clients.Select((client, index) => new Senders(client, [ledger], settings.Seed + index))];
        var sending = Task.WhenAll(senders.Select((one, index) =>
            one.RunAsync((SenderCount + Nodes - 1 - index) / Nodes, cancellationToken, first: index * SenderCount)));

        await Task.Delay(WarmUp, cancellationToken);
        for (var round = 1; round <= settings.Rounds; round++)
            await HurtAsync(round, (Fault)((round - 1) % Enum.GetValues<Fault>().Length), ledger, network, postgres, cancellationToken);

        foreach (var sender in senders)
            sender.Stop();
        await sending;
        findings.Claim(
            _recoveries.Count == settings.Rounds,
            $"after {_recoveries.Count} of {settings.Rounds} faults {RateKept:P0} of the rate was there again within {Recovery.TotalSeconds} s"
            + (_recoveries.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; the slowest took {_recoveries.Max():0.0} s")));

        var log = await ledger.AuditAsync(clients[0], cancellationToken);
        foreach (var sightings in pages.Select(reader => reader.Sightings).Concat(events.Select(reader => reader.Sightings)))
        {
            await Deadline.WaitAsync(() => sightings.LastId >= log[^1].Id, CatchUp, cancellationToken);
            sightings.Audit(log);
        }

        await stopReading.CancelAsync();
        await reading;
        await Deadline.WaitAsync(async () => IsEmpty(await clients[0].GetSubscriptionAsync(Topic, Subscription, cancellationToken)), CatchUp, cancellationToken);
        foreach (var consumer in consumers)
            await consumer.DisposeAsync();
        Audit(log, handled, await clients[0].GetSubscriptionAsync(Topic, Subscription, cancellationToken));
        foreach (var client in clients)
            client.Dispose();
    }

    private void Audit(IReadOnlyList<(long Id, Thing Thing)> log, DeliveryLedger handled, Answer subscription)
    {
        var never = log.Count(item => handled.Count("acked", item.Id) == 0 && handled.Count("unknown", item.Id) == 0);
        var stale = log.Count(item => handled.Count("acked", item.Id) > 1);
        findings.Claim(
            never == 0 && stale == 0,
            $"{log.Count} items were delivered {handled.Total("got")} times: {never} never acknowledged, {stale} acknowledged twice, "
            + $"{handled.Total("lost")} late acknowledgements refused, {handled.Total("unknown")} without an answer");
        findings.Claim(IsEmpty(subscription), "the subscription is at the end of its topic, and nothing is left in it");
    }

    private async Task HurtAsync(
        int round, Fault fault, Ledger ledger, CutNetwork network, PostgresServer postgres, CancellationToken cancellationToken)
    {
        // One short window says little on a machine that does everything at once: what counts is the median of those so far.
        _rates.Add(await RateAsync(ledger, Window, cancellationToken));
        var before = Figures.Percentile(_rates, 0.5);
        var victim = _random.Next(Nodes);
        await InflictAsync(fault, victim, network, postgres, cancellationToken);

        var over = Stopwatch.GetTimestamp();
        var rate = 0.0;
        double? recovery = null;
        while (recovery is null && Stopwatch.GetElapsedTime(over) < Recovery)
        {
            rate = await RateAsync(ledger, TimeSpan.FromSeconds(1), cancellationToken);
            if (rate >= RateKept * before)
                recovery = Stopwatch.GetElapsedTime(over).TotalSeconds;
        }

        if (recovery is { } seconds)
            _recoveries.Add(seconds);
        findings.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"round {round}: {fault}, {before:0} answers a second before, {rate:0} again after {recovery?.ToString("0.0", CultureInfo.InvariantCulture) ?? "-"} s"));

        // So that the rate before the next fault is that of three nodes at work.
        await Task.Delay(Window, cancellationToken);
    }

    private async Task InflictAsync(Fault fault, int victim, CutNetwork network, PostgresServer postgres, CancellationToken cancellationToken)
    {
        switch (fault)
        {
            case Fault.NodeKilled:
                await _nodes[victim].KillAsync();
                await RestartAsync(victim, cancellationToken);
                break;
            case Fault.NodeFrozen:
                _nodes[victim].Freeze();
                await Task.Delay(Frozen, cancellationToken);
                _nodes[victim].Thaw();
                break;
            case Fault.NodesRestarted:
                for (var node = 0; node < Nodes; node++)
                {
                    var exitCode = await _nodes[node].StopAsync(cancellationToken);
                    if (exitCode != 0)
                        findings.Violated($"SIGTERM ended node {node + 1} with exit code {exitCode}: {_nodes[node].Log}");
                    await RestartAsync(node, cancellationToken);
                }

                break;
            case Fault.ConnectionsEnded:
                await postgres.TerminateBackendsAsync("databus");
                break;
            case Fault.DatabaseStopped:
                await postgres.StopImmediatelyAsync();
                await postgres.StartAgainAsync();
                break;
            default:
                await network.CutAsync();
                await Task.Delay(
                    TimeSpan.FromSeconds(fault == Fault.NetworkCut ? settings.CutSeconds : settings.LongCutSeconds), cancellationToken);
                await network.MendAsync();
                break;
        }
    }

    private async Task RestartAsync(int node, CancellationToken cancellationToken)
    {
        await _nodes[node].DisposeAsync();
        _nodes[node] = await ServerProcess.StartAsync(_settings[node], cancellationToken);
    }

    private static async Task<double> RateAsync(Ledger ledger, TimeSpan window, CancellationToken cancellationToken)
    {
        var (before, started) = (ledger.Answers, Stopwatch.GetTimestamp());
        await Task.Delay(window, cancellationToken);
        return (ledger.Answers - before) / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static bool IsEmpty(Answer subscription) =>
        subscription.IsSuccess && subscription.LongNumber("lag") == 0 && subscription.LongNumber("inFlight") == 0
        && subscription.LongNumber("waiting") == 0 && subscription.LongNumber("dead") == 0;
}
