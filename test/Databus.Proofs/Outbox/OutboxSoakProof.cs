using System.Diagnostics;
using System.Globalization;
using Databus.Testing;

namespace Databus.Proofs.Outbox;

/// <summary>For how long services record, send, flush and purge beside each other; for the second half of it a transaction is open elsewhere.</summary>
internal sealed record OutboxSoakSettings(int Seconds, int Seed);

/// <summary>
/// Writers, relays and flushes in processes of their own, while what was sent and handled is purged: nothing is lost, nothing comes twice
/// or out of order, no two of them deadlock, and a REPEATABLE READ transaction that is open elsewhere changes hardly anything.
/// </summary>
internal sealed class OutboxSoakProof(OutboxSoakSettings settings, Findings findings)
{
    private const int Relays = 2;
    private const int Writers = 4;
    private const int KeptSeconds = 5;
    private const double LeastShare = 0.8;

    /// <summary>Rows are purged once a minute, so a purge shows only in a longer run.</summary>
    private const int PurgesAfterSeconds = 180;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var service = await OutboxService.StartAsync();
        for (var relay = 1; relay <= Relays; relay++)
            service.Start($"relay-{Text(relay)}", "relay", Text(KeptSeconds));
        service.Start("flusher", "flush");
        var writer = service.Start("writer", "write", Text(Writers), Text(settings.Seed));
        if (!await Deadline.WaitAsync(() => service.Ledger.Count > 1000, Patience, cancellationToken))
            findings.Violated($"{service.Ledger.Count} messages arrived, and no more come");
        var half = TimeSpan.FromSeconds(settings.Seconds / 2.0);
        var before = await MeasureAsync("before", service, half, cancellationToken);
        var open = service.Postgres.ExecuteAsync(string.Create(
            CultureInfo.InvariantCulture,
            $"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM databus_outbox.message; SELECT pg_sleep({half.TotalSeconds}); COMMIT"));
        var during = await MeasureAsync("with a transaction open elsewhere", service, half, cancellationToken);
        await open;
        findings.Claim(during >= before * LeastShare, $"{during / before:P0} of the messages a second while it was open");
        await writer.StopAsync(cancellationToken);
        await AuditAsync(service, cancellationToken);
    }

    /// <summary>Messages a second that arrived, while what a receiver handled long ago lies in the inbox.</summary>
    private async Task<double> MeasureAsync(string when, OutboxService service, TimeSpan time, CancellationToken cancellationToken)
    {
        var ledger = service.Ledger;
        var (arrived, started) = (ledger.Count, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            await service.Postgres.ExecuteAsync(
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

    private async Task AuditAsync(OutboxService service, CancellationToken cancellationToken)
    {
        var audit = await service.AuditAsync(findings, Patience, cancellationToken);
        findings.Claim(audit.Again.Count == 0, $"{audit.Again.Count} messages came again");
        var deadlocks = await service.Postgres.ExecuteAsync("SELECT deadlocks FROM pg_stat_database WHERE datname = 'databus'");
        findings.Claim(deadlocks == "0", $"{deadlocks} deadlocks");
        var purged = await service.Postgres.ExecuteAsync(
            "SELECT n_tup_del, (SELECT n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'databus_outbox' AND relname = 'inbox') FROM pg_stat_user_tables WHERE schemaname = 'databus_outbox' AND relname = 'sent'");
        findings.Claim(
            settings.Seconds < PurgesAfterSeconds || !purged.Split('|').Contains("0", StringComparer.Ordinal), $"rows of sent and of the inbox that were purged: {purged}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
