using System.Diagnostics;
using System.Globalization;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Proofs.Outbox;

/// <summary>For how long the broker is away.</summary>
internal sealed record BrokerAwaySettings(int Seconds, int Seed);

/// <summary>
/// A service records and its relays publish to RabbitMQ, which is killed and comes back later. Meanwhile no attempt is used up, no
/// transaction stays open and the outbox' connections are free; afterwards all arrives, in the order of each key, and again only
/// what was under way at the kill.
/// </summary>
internal sealed class BrokerAwayProof(BrokerAwaySettings settings, Findings findings)
{
    private const int Relays = 2;
    private const int Writers = 2;

    /// <summary>What the outbox may have; a few of each process are in use in any moment, for milliseconds.</summary>
    private const int MostConnectionsInUse = 10;
    private const int Before = 1000;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var broker = await RabbitMqServer.StartAsync();
        await using var service = await OutboxService.StartAsync();
        for (var relay = 1; relay <= Relays; relay++)
            service.Start($"relay-{Text(relay)}", "publish", broker.Address.ToString());
        service.Start("receiver", "receive", broker.Address.ToString());
        var writer = service.Start("writer", "write", Text(Writers), Text(settings.Seed));
        if (!await Deadline.WaitAsync(() => service.Ledger.Count >= Before, Patience, cancellationToken))
            throw new InvalidOperationException($"Only {service.Ledger.Count} messages arrived at first.");

        // RabbitMQ 3.10 can forget a queue that was declared a moment before the kill.
        await broker.ControlAsync("eval", "mnesia:dump_log().");
        await broker.KillAsync();

        // What was committed before is told a moment later.
        await Task.Delay(BetweenLooks, cancellationToken);
        var gone = Stopwatch.GetTimestamp();
        await WatchAsync(service.Postgres, cancellationToken);
        var waiting = await NumberAsync(service.Postgres, "SELECT count(*) FROM databus_outbox.message");
        await broker.StartAgainAsync();
        var back = Stopwatch.GetTimestamp();
        await writer.StopAsync(cancellationToken);

        // What the broker was given twice comes right behind.
        await Deadline.WaitAsync(
            async () => await NumberAsync(service.Postgres, "SELECT count(*) FROM databus_outbox.message") == 0, Patience, cancellationToken);
        var audit = await service.AuditAsync(findings, Patience, cancellationToken);
        findings.Say(string.Create(
            CultureInfo.InvariantCulture, $"{waiting} waited when the broker came back, and {Stopwatch.GetElapsedTime(back).TotalSeconds:0.0} s later all were there"));
        var unexplained = audit.Again.Count(one => service.Ledger.CommittedAt(one.Again.Message) is not { } at || at >= gone);
        findings.Claim(unexplained == 0, $"{audit.Again.Count} messages arrived again, {unexplained} of them recorded when the broker was gone");
    }

    private async Task WatchAsync(PostgresServer postgres, CancellationToken cancellationToken)
    {
        int looks = 0, tried = 0, open = 0;
        var mostInUse = 0L;
        for (var deadline = Deadline.In(TimeSpan.FromSeconds(settings.Seconds)); !deadline.IsOver; looks++)
        {
            tried += await NumberAsync(
                postgres, "SELECT (SELECT count(*) FROM databus_outbox.message WHERE attempts > 0 OR due_at IS NOT NULL) + (SELECT count(*) FROM databus_outbox.parked)") > 0 ? 1 : 0;

            // A send that waits for the broker takes longer than this, a claim does not.
            open += await NumberAsync(
                postgres, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND xact_start < clock_timestamp() - interval '500 ms'") > 0 ? 1 : 0;
            mostInUse = Math.Max(mostInUse, await NumberAsync(
                postgres, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'databus-outbox' AND state <> 'idle'"));
            await Task.Delay(BetweenLooks, cancellationToken);
        }

        findings.Claim(tried == 0, $"the broker was away for {settings.Seconds} s: in {tried} of {looks} looks an attempt was used up");
        findings.Claim(open == 0, $"in {open} of {looks} looks a transaction stayed open");
        findings.Claim(mostInUse <= MostConnectionsInUse, $"{mostInUse} connections of the outbox at most were in use");
    }

    private static async Task<long> NumberAsync(PostgresServer postgres, string sql) => long.Parse(await postgres.ExecuteAsync(sql), CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
