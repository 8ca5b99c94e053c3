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
    private const int Keys = 200;
    private const int Relays = 4;
    private const int WriterProcesses = 2;
    private const int WritersPerProcess = 4;
    private const double LongestLag = 1000;
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(settings.Seed);
    private readonly HashSet<string> _killed = new(StringComparer.Ordinal);
    private int _incarnations;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync(new()
        {
            Parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["shared_buffers"] = "256MB", ["max_wal_size"] = "4GB" },
        });
        await postgres.ExecuteAsync(
            $"""
            CREATE TABLE counters (key text PRIMARY KEY, number bigint NOT NULL) WITH (fillfactor = 20);
            INSERT INTO counters SELECT 'k' || n, 0 FROM generate_series(0, {Keys - 1}) n;
            CREATE TABLE steps (message_id uuid PRIMARY KEY, key text NOT NULL, number bigint NOT NULL);
            CREATE TABLE unrelated (n integer)
            """);
        await using var ledger = new SentLedger();
        NodeProcess[] nodes = [.. Enumerable.Range(0, Relays + WriterProcesses).Select(at => StartNode(at, postgres, ledger))];
        try
        {
            await Task.Delay(WarmUp, cancellationToken);
            await ClaimNothingIsDelayedAsync(postgres, ledger);
            await KillAsync(nodes, postgres, ledger, cancellationToken);
            for (var writer = Relays; writer < nodes.Length; writer++)
                await nodes[writer].StopAsync(cancellationToken);
            await AuditAsync(postgres, ledger, cancellationToken);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    private async Task ClaimNothingIsDelayedAsync(PostgresServer postgres, SentLedger ledger)
    {
        var from = Stopwatch.GetTimestamp();
        await postgres.ExecuteAsync($"BEGIN; INSERT INTO unrelated VALUES (1); SELECT pg_sleep({settings.IdleSeconds}); ROLLBACK");
        var lags = Lags(ledger, from);
        findings.Claim(
            lags.Count > 0 && Figures.Percentile(lags, 0.99) < LongestLag,
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
    private async Task KillAsync(NodeProcess[] nodes, PostgresServer postgres, SentLedger ledger, CancellationToken cancellationToken)
    {
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
            await nodes[at].DisposeAsync();
            nodes[at] = StartNode(at, postgres, ledger);
        }

        await Deadline.WaitAsync(() => ledger.Count >= settings.Messages, Patience, cancellationToken);
    }

    private async Task AuditAsync(PostgresServer postgres, SentLedger ledger, CancellationToken cancellationToken)
    {
        var rows = (await postgres.ExecuteAsync("SELECT message_id FROM steps")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var committed = rows.Select(Guid.Parse).ToHashSet();
        await Deadline.WaitAsync(() => ledger.Count >= committed.Count, Patience, cancellationToken);
        var leftOver = await LeftOverAsync(postgres, cancellationToken);

        var arrived = new HashSet<Guid>();
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        var senders = new Dictionary<Guid, string>();
        int again = 0, unexplained = 0, outOfOrder = 0;
        foreach (var arrival in ledger.Arrivals)
        {
            if (arrived.Add(arrival.Message))
            {
                if (arrival.IsOrdered && arrival.Number != last.GetValueOrDefault(arrival.Key) + 1)
                    outOfOrder++;
                last[arrival.Key] = arrival.Number;
            }
            else
            {
                again++;
                unexplained += _killed.Contains(senders[arrival.Message]) ? 0 : 1;
            }

            senders[arrival.Message] = arrival.Node;
        }

        var phantoms = arrived.Count(message => !committed.Contains(message));
        findings.Claim(
            phantoms == 0 && arrived.Count - phantoms == committed.Count,
            $"{committed.Count} messages committed, {committed.Count - arrived.Count + phantoms} of them lost, {phantoms} others arrived; {_killed.Count} processes killed");
        findings.Claim(outOfOrder == 0, $"{outOfOrder} of {arrived.Count} first arrivals were not the next of their key");
        findings.Claim(unexplained == 0, $"{again} messages arrived again, {unexplained} of them from a sender that was not killed");
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

    private NodeProcess StartNode(int at, PostgresServer postgres, SentLedger ledger)
    {
        var incarnation = ++_incarnations;
        var name = string.Create(CultureInfo.InvariantCulture, $"{(at < Relays ? "relay" : "writer")}-{incarnation}");
        string[] role = at < Relays ? ["relay"] : ["write", Text(WritersPerProcess), Text(settings.Seed + (incarnation * 100))];
        return NodeProcess.Start("Databus.OutboxNode", name, [postgres.ConnectionString(), Text(ledger.Port), name, .. role]);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
