using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Proofs.Outbox;

/// <summary>For how long services record, send, flush and purge beside each other; for the second half of it a transaction is open elsewhere.</summary>
internal sealed record OutboxSoakSettings(int Seconds, int Seed);

/// <summary>
/// Writers, relays and flushes in processes of their own, while what was sent and handled is purged: nothing is lost, nothing comes twice
/// or out of order, no two of them deadlock, and a REPEATABLE READ transaction that is open elsewhere changes hardly anything.
/// </summary>
internal sealed class OutboxSoakProof(OutboxSoakSettings settings, Findings findings)
{
    private const int Keys = 200;
    private const int Relays = 2;
    private const int Writers = 4;
    private const int KeptSeconds = 5;
    private const double LeastShare = 0.8;

    /// <summary>Rows are purged once a minute, so a purge shows only in a longer run.</summary>
    private const int PurgesAfterSeconds = 180;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

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
            CREATE TABLE steps (message_id uuid PRIMARY KEY, key text NOT NULL, number bigint NOT NULL)
            """);
        await using var ledger = new SentLedger();
        var relays = Enumerable.Range(1, Relays).Select(at => Start(postgres, ledger, $"relay-{at}", "relay", Text(KeptSeconds))).ToList();
        await using var flusher = Start(postgres, ledger, "flusher", "flush");
        await using var writer = Start(postgres, ledger, "writer", "write", Text(Writers), Text(settings.Seed));
        try
        {
            if (!await Deadline.WaitAsync(() => ledger.Count > 1000, Patience, cancellationToken))
                findings.Violated($"{ledger.Count} messages arrived, and no more come");
            var half = TimeSpan.FromSeconds(settings.Seconds / 2.0);
            var before = await MeasureAsync("before", postgres, ledger, half, cancellationToken);
            var open = postgres.ExecuteAsync(string.Create(
                CultureInfo.InvariantCulture,
                $"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM databus_outbox.message; SELECT pg_sleep({half.TotalSeconds}); COMMIT"));
            var during = await MeasureAsync("with a transaction open elsewhere", postgres, ledger, half, cancellationToken);
            await open;
            findings.Claim(during >= before * LeastShare, $"{during / before:P0} of the messages a second while it was open");
            await writer.StopAsync(cancellationToken);
            await AuditAsync(postgres, ledger, cancellationToken);
        }
        finally
        {
            foreach (var relay in relays)
                await relay.DisposeAsync();
        }
    }

    /// <summary>Messages a second that arrived, while what a receiver handled long ago lies in the inbox.</summary>
    private async Task<double> MeasureAsync(string when, PostgresServer postgres, SentLedger ledger, TimeSpan time, CancellationToken cancellationToken)
    {
        var (arrived, started) = (ledger.Count, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            await postgres.ExecuteAsync(
                "INSERT INTO databus_outbox.inbox SELECT gen_random_uuid(), clock_timestamp() - interval '20 days' FROM generate_series(1, 100)");
            await Task.Delay(TimeSpan.FromMilliseconds(500), cancellationToken);
        }

        var rate = (ledger.Count - arrived) / Stopwatch.GetElapsedTime(started).TotalSeconds;
        var lags = ledger.Arrivals
            .Where(arrival => ledger.CommittedAt(arrival.Message) >= started)
            .Select(arrival => Math.Max(0, Stopwatch.GetElapsedTime(ledger.CommittedAt(arrival.Message)!.Value, arrival.At).TotalMilliseconds)).ToList();
        findings.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{when}: {rate:0} messages a second, from commit to arrival {Figures.Percentile(lags, 0.5):0.0} ms (median), {Figures.Percentile(lags, 0.99):0.0} ms (p99), {Figures.Percentile(lags, 1):0.0} ms (longest)"));
        return rate;
    }

    private async Task AuditAsync(PostgresServer postgres, SentLedger ledger, CancellationToken cancellationToken)
    {
        var committed = (await postgres.ExecuteAsync("SELECT message_id FROM steps")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Guid.Parse).ToHashSet();
        await Deadline.WaitAsync(() => ledger.Count >= committed.Count, Patience, cancellationToken);
        var arrived = new HashSet<Guid>();
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        int again = 0, outOfOrder = 0;
        foreach (var arrival in ledger.Arrivals)
        {
            if (!arrived.Add(arrival.Message))
            {
                again++;
            }
            else if (arrival.IsOrdered)
            {
                outOfOrder += arrival.Number == last.GetValueOrDefault(arrival.Key) + 1 ? 0 : 1;
                last[arrival.Key] = arrival.Number;
            }
        }

        findings.Claim(arrived.SetEquals(committed), $"{committed.Count} messages committed, {committed.Except(arrived).Count()} of them lost, {arrived.Except(committed).Count()} others arrived");
        findings.Claim(again == 0 && outOfOrder == 0, $"{again} messages came again, {outOfOrder} were not the next of their key");
        var deadlocks = await postgres.ExecuteAsync("SELECT deadlocks FROM pg_stat_database WHERE datname = 'databus'");
        findings.Claim(deadlocks == "0", $"{deadlocks} deadlocks");
        var purged = await postgres.ExecuteAsync(
            "SELECT n_tup_del, (SELECT n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'databus_outbox' AND relname = 'inbox') FROM pg_stat_user_tables WHERE schemaname = 'databus_outbox' AND relname = 'sent'");
        findings.Claim(
            settings.Seconds < PurgesAfterSeconds || !purged.Split('|').Contains("0", StringComparer.Ordinal), $"rows of sent and of the inbox that were purged: {purged}");
    }

    private static NodeProcess Start(PostgresServer postgres, SentLedger ledger, string name, params string[] role) =>
        NodeProcess.Start("Databus.OutboxNode", name, [postgres.ConnectionString(), Text(ledger.Port), name, .. role]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
