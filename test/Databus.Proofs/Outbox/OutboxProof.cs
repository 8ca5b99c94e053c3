using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Proofs.Outbox;

/// <summary>How many messages arrive while how many processes are killed.</summary>
/// <param name="IdleSeconds">For how long a transaction that has nothing to do with it is open.</param>
internal sealed record OutboxSettings(int Messages, int Kills, int IdleSeconds, int Seed);

/// <summary>
/// Services record messages in their own transactions, others send them, and both are killed: what arrives is what was
/// committed (P7), of each key in the order of its commits, and again only where a sender was killed. A transaction that is open
/// elsewhere delays nothing.
/// </summary>
internal sealed class OutboxProof(OutboxSettings settings, Findings findings)
{
    private const int Relays = 4;
    private const int WriterProcesses = 2;
    private const int WritersPerProcess = 4;
    private const int WarmUp = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(settings.Seed);
    private readonly HashSet<string> _killed = new(StringComparer.Ordinal);
    private int _incarnations;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var service = await OutboxService.StartAsync();
        await service.Postgres.ExecuteAsync("CREATE TABLE unrelated (n integer)");
        NodeProcess[] nodes = [.. Enumerable.Range(0, Relays + WriterProcesses).Select(at => StartNode(at, service))];
        await Deadline.WaitAsync(() => service.Ledger.Count >= WarmUp, Patience, cancellationToken);
        await ClaimNothingIsDelayedAsync(service);
        await KillAsync(nodes, service, cancellationToken);
        for (var writer = Relays; writer < nodes.Length; writer++)
            await nodes[writer].StopAsync(cancellationToken);
        await AuditAsync(service, cancellationToken);
    }

    /// <summary>What had to wait for the transaction would lag for half of its time on the average.</summary>
    private async Task ClaimNothingIsDelayedAsync(OutboxService service)
    {
        var from = Stopwatch.GetTimestamp();
        await service.Postgres.ExecuteAsync($"BEGIN; INSERT INTO unrelated VALUES (1); SELECT pg_sleep({settings.IdleSeconds}); ROLLBACK");
        var lags = Lags(service.Ledger, from);
        findings.Claim(
            lags.Count > 0 && Figures.Percentile(lags, 0.99) < settings.IdleSeconds * 1000 / 2.0,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{lags.Count} messages while an unrelated transaction was open for {settings.IdleSeconds} s: from commit to arrival {Figures.Percentile(lags, 0.5):0.0} ms (median), {Figures.Percentile(lags, 0.99):0.0} ms (p99)"));
    }

    private static List<double> Lags(SentLedger ledger, long from)
    {
        var lags = new List<double>();
        foreach (var arrival in ledger.Arrivals)
        {
            if (ledger.CommittedAt(arrival.Message) is { } committed && committed >= from)
                lags.Add(Math.Max(0, Stopwatch.GetElapsedTime(committed, arrival.At).TotalMilliseconds));
        }

        return lags;
    }

    /// <summary>Until enough has arrived, the kills spread over it.</summary>
    private async Task KillAsync(NodeProcess[] nodes, OutboxService service, CancellationToken cancellationToken)
    {
        var ledger = service.Ledger;
        var first = ledger.Count;
        for (var kill = 1; kill <= settings.Kills; kill++)
        {
            var until = first + ((settings.Messages - first) / (settings.Kills + 1) * kill);
            if (!await Deadline.WaitAsync(() => ledger.Count >= until, Patience, cancellationToken))
            {
                findings.Violated($"{ledger.Count} messages arrived, and no more come");
                return;
            }

            // A moment of any length, so that it meets any step of what they do.
            await Task.Delay(_random.Next(30), cancellationToken);
            var at = _random.Next(nodes.Length);
            _killed.Add(nodes[at].Name);
            await nodes[at].KillAsync();
            nodes[at] = StartNode(at, service);
        }

        await Deadline.WaitAsync(() => ledger.Count >= settings.Messages, Patience, cancellationToken);
    }

    private async Task AuditAsync(OutboxService service, CancellationToken cancellationToken)
    {
        var audit = await service.AuditAsync(findings, Patience, cancellationToken);
        var unexplained = audit.Again.Count(one => !_killed.Contains(one.Before.Node));
        findings.Claim(
            unexplained == 0, $"{audit.Again.Count} messages arrived again, {unexplained} of them from a sender that was not killed; {_killed.Count} processes were");
        var leftOver = await LeftOverAsync(service.Postgres, cancellationToken);
        findings.Claim(leftOver == 0, $"{leftOver} messages are left in the outbox");
    }

    private static async Task<long> LeftOverAsync(PostgresServer postgres, CancellationToken cancellationToken)
    {
        var left = 0L;
        await Deadline.WaitAsync(
            async () => (left = long.Parse(
                await postgres.ExecuteAsync("SELECT (SELECT count(*) FROM databus_outbox.message) + (SELECT count(*) FROM databus_outbox.parked)"),
                CultureInfo.InvariantCulture)) == 0,
            Patience, cancellationToken);
        return left;
    }

    private NodeProcess StartNode(int at, OutboxService service)
    {
        var incarnation = ++_incarnations;
        var name = string.Create(CultureInfo.InvariantCulture, $"{(at < Relays ? "relay" : "writer")}-{incarnation}");
        return at < Relays ? service.Start(name, "relay") : service.Start(name, "write", Text(WritersPerProcess), Text(settings.Seed + (incarnation * 100)));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
