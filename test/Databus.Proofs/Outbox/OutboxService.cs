using System.Globalization;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Proofs.Outbox;

/// <summary>A service with an outbox: its database, its processes, and the ledger that they tell what they commit and send.</summary>
internal sealed class OutboxService : IAsyncDisposable
{
    private const int Keys = 200;

    private readonly List<NodeProcess> _processes = [];

    private OutboxService(PostgresServer postgres) => Postgres = postgres;

    public PostgresServer Postgres { get; }

    public SentLedger Ledger { get; } = new();

    public static async Task<OutboxService> StartAsync()
    {
        var postgres = await PostgresServer.StartAsync(new()
        {
            Parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["shared_buffers"] = "256MB", ["max_wal_size"] = "4GB" },
        });
        await postgres.ExecuteAsync(
            $"""
            CREATE TABLE counters (key text PRIMARY KEY, number bigint NOT NULL) WITH (fillfactor = 20);
            INSERT INTO counters SELECT 'k' || n, 0 FROM generate_series(0, {Keys - 1}) n;
            CREATE TABLE steps (message_id uuid PRIMARY KEY, key text NOT NULL, number bigint NOT NULL)
            """);
        return new OutboxService(postgres);
    }

    /// <summary>Starts a process of the service.</summary>
    /// <param name="name">Unlike that of any other, before or after it.</param>
    /// <param name="role">What it does, as its command line has it.</param>
    public NodeProcess Start(string name, params IEnumerable<string> role)
    {
        var process = NodeProcess.Start("Databus.OutboxNode", name, [Postgres.ConnectionString(), Ledger.Port.ToString(CultureInfo.InvariantCulture), name, .. role]);
        _processes.Add(process);
        return process;
    }

    /// <summary>Compares what arrived with what was committed, once all of it has, or that takes too long. Claims that no process ended by itself.</summary>
    public async Task<OutboxAudit> AuditAsync(Findings findings, TimeSpan patience, CancellationToken cancellationToken)
    {
        foreach (var process in _processes.Where(process => process.EndedByItself))
            findings.Violated($"{process.Name} ended by itself{Environment.NewLine}{process.Log}");
        var rows = (await Postgres.ExecuteAsync("SELECT message_id FROM steps")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var committed = rows.Select(Guid.Parse).ToHashSet();
        await Deadline.WaitAsync(() => Ledger.Count >= committed.Count, patience, cancellationToken);
        var audit = new OutboxAudit(committed, Ledger.Arrivals);
        findings.Claim(
            audit is { Lost: 0, Others: 0 }, $"{committed.Count} messages committed, {audit.Lost} of them lost, {audit.Others} others arrived");
        findings.Claim(audit.OutOfOrder == 0, $"{audit.OutOfOrder} of {audit.Arrived} first arrivals were not the next of their key");
        return audit;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
            await process.DisposeAsync();
        await Ledger.DisposeAsync();
        await Postgres.DisposeAsync();
    }
}
