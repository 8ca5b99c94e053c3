using System.Globalization;
using System.Text.Json;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Schedules;

/// <summary>How many nodes are killed.</summary>
internal sealed record TicksSettings(int Kills, int Seed);

/// <summary>
/// Five nodes over one PostgreSQL take the ticks of one schedule, one after the other is killed right before or after a tick:
/// every tick has run once (P6).
/// </summary>
internal sealed class TicksProof(TicksSettings settings, Findings findings)
{
    private const int Nodes = 5;
    private const int Around = 60;
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(30);

    private readonly Random _random = new(settings.Seed);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync();
        using var data = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(Node(data, postgres, "api"), cancellationToken);
        var nodes = await Task.WhenAll(Enumerable.Range(0, Nodes).Select(_ => ServerProcess.StartAsync(Node(data, postgres, "scheduler"), cancellationToken)));
        try
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            (await client.SendJsonAsync(
                HttpMethod.Put, "api/v1/schedules/every-second",
                new { everySeconds = 1, job = new { name = "tick" }, catchUp = "all", catchUpLimit = 1000, overlap = "allow" }, cancellationToken)).EnsureSuccess();
            for (var kill = 0; kill < settings.Kills; kill++)
            {
                await UntilAroundTickAsync(cancellationToken);
                var index = _random.Next(Nodes);
                await nodes[index].KillAsync();
                await nodes[index].DisposeAsync();
                nodes[index] = await ServerProcess.StartAsync(Node(data, postgres, "scheduler"), cancellationToken);
            }

            await AuditAsync(client, cancellationToken);
        }
        finally
        {
            foreach (var node in nodes)
                await node.DisposeAsync();
        }
    }

    private static ServerSettings Node(TemporaryFolder data, PostgresServer postgres, string role) => new(data.Path, LoopbackPort.Find())
    {
        Store = postgres.Url(),
        Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_ROLES"] = role },
    };

    private Task UntilAroundTickAsync(CancellationToken cancellationToken)
    {
        var rest = 1000 - TimeProvider.System.GetUtcNow().Millisecond;
        return Task.Delay(Math.Max(0, rest + _random.Next(-Around, Around)), cancellationToken);
    }

    private async Task AuditAsync(BusClient client, CancellationToken cancellationToken)
    {
        var until = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        List<long> ticks = [];
        await Deadline.WaitAsync(
            async () =>
            {
                ticks = await TicksAsync(client, cancellationToken);
                return ticks.Count > 0 && ticks.Max() > until;
            },
            CatchUp, cancellationToken);
        var (first, last) = (ticks.Min(), ticks.Max());
        var twice = ticks.Count - ticks.Distinct().Count();
        var missing = last - first + 1 - ticks.Distinct().Count();
        findings.Claim(
            twice == 0 && missing == 0 && last > until,
            string.Create(CultureInfo.InvariantCulture, $"{settings.Kills} kills of {Nodes} nodes: {ticks.Count} ticks ran, {missing} missing, {twice} twice"));
    }

    /// <summary>The seconds for which jobs were enqueued.</summary>
    private static async Task<List<long>> TicksAsync(BusClient client, CancellationToken cancellationToken)
    {
        var ticks = new List<long>();
        for (var before = ""; ;)
        {
            var page = (await client.SendAsync(HttpMethod.Get, $"api/v1/jobs?name=tick&limit=500{before}", body: null, cancellationToken)).EnsureSuccess();
            ticks.AddRange(page.Body.GetProperty("jobs").EnumerateArray().Select(job => job.GetProperty("dueAt").GetDateTimeOffset().ToUnixTimeSeconds()));
            if (!page.Body.TryGetProperty("scannedTo", out var scannedTo) || scannedTo.ValueKind == JsonValueKind.Null)
                return ticks;
            before = $"&before={scannedTo.GetString()}";
        }
    }
}
