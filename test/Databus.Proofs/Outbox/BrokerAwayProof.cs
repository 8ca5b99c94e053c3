using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Processes;
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
    private const int Keys = 200;
    private const int Relays = 2;
    private const int Writers = 2;

    /// <summary>What the outbox may have; a few of each process are in use in any moment, for milliseconds.</summary>
    private const int MostConnectionsInUse = 10;
    private const int Before = 1000;
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync();
        await using var broker = await RabbitMqServer.StartAsync();
        await postgres.ExecuteAsync(
            $"""
            CREATE TABLE counters (key text PRIMARY KEY, number bigint NOT NULL) WITH (fillfactor = 20);
            INSERT INTO counters SELECT 'k' || n, 0 FROM generate_series(0, {Keys - 1}) n;
            CREATE TABLE steps (message_id uuid PRIMARY KEY, key text NOT NULL, number bigint NOT NULL)
            """);
        await using var ledger = new SentLedger();
        NodeProcess[] nodes =
        [
            .. Enumerable.Range(1, Relays).Select(number => Start($"relay-{number}", "publish", broker.Address.ToString())),
            Start("receiver", "receive", broker.Address.ToString()),
            Start("writer", "write", Text(Writers), Text(settings.Seed)),
        ];
        try
        {
            if (!await Deadline.WaitAsync(() => ledger.Count >= Before, Patience, cancellationToken))
                throw new InvalidOperationException($"Only {ledger.Count} messages arrived at first.");

            // RabbitMQ 3.10 can forget a queue that was declared a moment before the kill.
            await broker.ControlAsync("eval", "mnesia:dump_log().");
            await broker.KillAsync();

            // What was committed before is told a moment later.
            await Task.Delay(BetweenLooks, cancellationToken);
            var gone = Stopwatch.GetTimestamp();
            await WatchAsync(postgres, cancellationToken);
            var waiting = await NumberAsync(postgres, "SELECT count(*) FROM databus_outbox.message");
            await broker.StartAgainAsync();
            var back = Stopwatch.GetTimestamp();
            await nodes[^1].StopAsync(cancellationToken);
            await AuditAsync(postgres, ledger, gone, waiting, back, cancellationToken);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }

        NodeProcess Start(string name, params string[] role) =>
            NodeProcess.Start("Databus.OutboxNode", name, [postgres.ConnectionString(), Text(ledger.Port), name, .. role]);
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

    private async Task AuditAsync(PostgresServer postgres, SentLedger ledger, long gone, long waiting, long back, CancellationToken cancellationToken)
    {
        var rows = (await postgres.ExecuteAsync("SELECT message_id FROM steps")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var committed = rows.Select(Guid.Parse).ToHashSet();
        await Deadline.WaitAsync(() => ledger.Count >= committed.Count, Patience, cancellationToken);
        var took = Stopwatch.GetElapsedTime(back).TotalSeconds;

        // What the broker was given twice comes right behind.
        await Deadline.WaitAsync(
            async () => await NumberAsync(postgres, "SELECT count(*) FROM databus_outbox.message") == 0, Patience, cancellationToken);
        var arrived = new HashSet<Guid>();
        var last = new Dictionary<string, long>(StringComparer.Ordinal);
        int again = 0, unexplained = 0, outOfOrder = 0;
        foreach (var arrival in ledger.Arrivals)
        {
            if (!arrived.Add(arrival.Message))
            {
                again++;
                unexplained += ledger.CommittedAt(arrival.Message) is { } at && at < gone ? 0 : 1;
                continue;
            }

            // Without a key it has no order.
            if (!arrival.IsOrdered)
                continue;
            outOfOrder += arrival.Number == last.GetValueOrDefault(arrival.Key) + 1 ? 0 : 1;
            last[arrival.Key] = arrival.Number;
        }

        var phantoms = arrived.Count(message => !committed.Contains(message));
        findings.Claim(
            phantoms == 0 && arrived.Count == committed.Count,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{committed.Count} messages committed, {committed.Count - arrived.Count + phantoms} of them lost, {phantoms} others arrived; {waiting} waited when the broker came back, and {took:0.0} s later all were there"));
        findings.Claim(outOfOrder == 0, $"{outOfOrder} of {arrived.Count} first arrivals were not the next of their key");
        findings.Claim(unexplained == 0, $"{again} messages arrived again, {unexplained} of them recorded when the broker was gone");
    }

    private static async Task<long> NumberAsync(PostgresServer postgres, string sql) => long.Parse(await postgres.ExecuteAsync(sql), CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
