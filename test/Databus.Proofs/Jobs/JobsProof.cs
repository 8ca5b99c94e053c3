using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;

namespace Databus.Proofs.Jobs;

/// <summary>How many nodes are hurt.</summary>
internal sealed record JobsSettings(int Rounds, int Seed);

/// <summary>
/// Three nodes run jobs over one PostgreSQL while one after the other is killed, frozen for longer than its lease, or told
/// to stop: no job is lost, what a dead node ran starts elsewhere soon, nothing that a zombie says is taken, and being told
/// to stop uses up no attempt (P5).
/// </summary>
internal sealed class JobsProof(JobsSettings settings, Findings findings)
{
    private const int Nodes = 3;
    private const int JobsAtOnce = 20;
    private const int LongestWork = 1500;
    private const int LongWork = 4000;
    private const double RestartLimit = 15;
    private static readonly TimeSpan BetweenEnqueues = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);
    private static readonly TimeSpan CatchUp = TimeSpan.FromMinutes(2);

    private readonly Random _random = new(settings.Seed);
    private readonly NodeProcess[] _nodes = new NodeProcess[Nodes];
    private readonly List<long> _enqueued = [];
    private readonly List<Restart> _restarts = [];
    private int _incarnations;
    private int _interrupted;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var postgres = await PostgresServer.StartAsync();
        using var data = new TemporaryFolder();
        await using var ledger = new StartLedger();
        await using var server = await ServerProcess.StartAsync(
            new ServerSettings(data.Path, LoopbackPort.Find())
            {
                Store = postgres.Url(),
                Environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_ROLES"] = "api,scheduler" },
            },
            cancellationToken);
        using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
        for (var index = 0; index < Nodes; index++)
            _nodes[index] = StartNode(postgres, ledger);
        try
        {
            await ProveAsync(client, postgres, ledger, cancellationToken);
        }
        finally
        {
            foreach (var node in _nodes)
                await node.DisposeAsync();
        }
    }

    private async Task ProveAsync(BusClient client, PostgresServer postgres, StartLedger ledger, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var enqueuing = EnqueueAsync(client, new Random(settings.Seed + 1), enough.Token);
        await Task.Delay(WarmUp, cancellationToken);
        for (var round = 0; round < settings.Rounds; round++)
        {
            var index = _random.Next(Nodes);
            switch (round % 5)
            {
                case 0 or 2:
                    await KillAsync(index, postgres, ledger, cancellationToken);
                    break;
                case 1 or 3:
                    await FreezeAsync(index, ledger, cancellationToken);
                    break;
                default:
                    await StopAsync(index, postgres, ledger, cancellationToken);
                    break;
            }
        }

        await enough.CancelAsync();
        await enqueuing;
        await AuditAsync(client, ledger, cancellationToken);
    }

    private async Task EnqueueAsync(BusClient client, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var jobs = Enumerable.Range(0, JobsAtOnce).Select(at => new
            {
                name = "step",
                arguments = new { milliseconds = at % 10 == 0 ? LongWork : random.Next(LongestWork) },
                maxAttempts = 1000,
            });
            var answer = (await client.SendJsonAsync(HttpMethod.Post, "api/v1/jobs", jobs, CancellationToken.None)).EnsureSuccess();
            _enqueued.AddRange(answer.Body.GetProperty("jobs").EnumerateArray().Select(Answer.ReadId));
            await Task.Delay(BetweenEnqueues, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task KillAsync(int index, PostgresServer postgres, StartLedger ledger, CancellationToken cancellationToken)
    {
        var node = await BusyNodeAsync(index, ledger, cancellationToken);
        var at = Stopwatch.GetTimestamp();
        await node.KillAsync();
        await ClaimRestartedAsync("killed", ledger.RunningOn(node.Name), at, ledger, cancellationToken);
        await node.DisposeAsync();
        _nodes[index] = StartNode(postgres, ledger);
    }

    private async Task FreezeAsync(int index, StartLedger ledger, CancellationToken cancellationToken)
    {
        var node = await BusyNodeAsync(index, ledger, cancellationToken);
        var at = Stopwatch.GetTimestamp();
        node.Freeze();

        // What it told a moment before is still on its way here.
        await Task.Delay(TimeSpan.FromMilliseconds(50), cancellationToken);
        await ClaimRestartedAsync("frozen", ledger.RunningOn(node.Name), at, ledger, cancellationToken);
        node.Thaw();
    }

    private async Task StopAsync(int index, PostgresServer postgres, StartLedger ledger, CancellationToken cancellationToken)
    {
        var node = await BusyNodeAsync(index, ledger, cancellationToken);
        var running = ledger.RunningOn(node.Name);
        var at = Stopwatch.GetTimestamp();
        var code = await node.StopAsync(cancellationToken);
        if (code != 0)
            findings.Violated($"{node.Name} ended with {code}");

        // What it gave back may run elsewhere before it has ended.
        var interrupted = running.Where(start => start.EndedAt is null).ToList();
        _interrupted += interrupted.Count;
        await ClaimRestartedAsync("stopped", interrupted, at, ledger, cancellationToken);
        foreach (var start in interrupted)
        {
            if (Next(ledger, start) is { } next && next.Attempt != start.Attempt)
                findings.Violated($"job {start.Job} was interrupted in attempt {start.Attempt} and started again as attempt {next.Attempt}");
        }

        await node.DisposeAsync();
        _nodes[index] = StartNode(postgres, ledger);
    }

    private async Task<NodeProcess> BusyNodeAsync(int index, StartLedger ledger, CancellationToken cancellationToken)
    {
        var node = _nodes[index];
        if (!await Deadline.WaitAsync(() => ledger.RunningOn(node.Name).Count > 0, Patience, cancellationToken))
            findings.Violated($"{node.Name} runs nothing");
        return node;
    }

    private async Task ClaimRestartedAsync(
        string how, IReadOnlyList<JobStart> interrupted, long at, StartLedger ledger, CancellationToken cancellationToken)
    {
        if (!await Deadline.WaitAsync(() => interrupted.All(start => Next(ledger, start) is not null), Patience, cancellationToken))
            findings.Violated($"{interrupted.Count(start => Next(ledger, start) is null)} jobs of a node that was {how} did not start again");
        _restarts.AddRange(interrupted.Select(start => Next(ledger, start)).OfType<JobStart>()
            .Select(next => new Restart(next.Job, how, Stopwatch.GetElapsedTime(at, next.At).TotalSeconds)));

        // A job that is lost again and again is started alone, and has failed in the end, as it should: no bad luck of this proof
        // shall look like that.
        await Deadline.WaitAsync(() => ledger.StartedAgain.Count == 0, Patience, cancellationToken);
    }

    private static JobStart? Next(StartLedger ledger, JobStart start) =>
        ledger.StartsOf(start.Job).SkipWhile(other => other != start).Skip(1).FirstOrDefault(next => next.Attempt >= start.Attempt);

    private NodeProcess StartNode(PostgresServer postgres, StartLedger ledger)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"node-{++_incarnations}");
        return NodeProcess.Start("Databus.JobNode", name, postgres.Url(), ledger.Port.ToString(CultureInfo.InvariantCulture), name);
    }

    private async Task AuditAsync(BusClient client, StartLedger ledger, CancellationToken cancellationToken)
    {
        await Deadline.WaitAsync(
            async () => (await ListAsync(client, "&state=waiting,delayed,held,blocked,running", cancellationToken)).Count == 0, CatchUp, cancellationToken);
        var jobs = (await ListAsync(client, "", cancellationToken)).ToDictionary(Answer.ReadId);
        int lost = 0, notSucceeded = 0, zombies = 0, unseen = 0;
        foreach (var id in _enqueued)
        {
            if (!jobs.TryGetValue(id, out var job))
            {
                lost++;
            }
            else if (job.GetProperty("state").GetString() != "succeeded")
            {
                notSucceeded++;
                findings.Violated($"job {job}");
            }
            else
            {
                var result = job.GetProperty("result");
                var attempt = result.GetProperty("attempt").GetInt32();
                var node = result.GetProperty("node").GetString();

                // A job that was taken from its node starts as the next attempt. The zombie itself may tell of its start later.
                zombies += attempt == job.GetProperty("attempt").GetInt32() && attempt == ledger.StartsOf(id).Max(start => start.Attempt) ? 0 : 1;
                unseen += ledger.StartsOf(id).Any(start => start.Attempt == attempt && start.Node == node && start.EndedAt is not null) ? 0 : 1;
            }
        }

        var startedTwice = _enqueued.Count(id => ledger.StartsOf(id).Count > 1);
        findings.Claim(
            lost == 0 && notSucceeded == 0 && jobs.Count == _enqueued.Count,
            $"{_enqueued.Count} jobs enqueued, {jobs.Count} there, {lost} lost, {notSucceeded} not succeeded, {startedTwice} started more than once");
        findings.Claim(zombies == 0 && unseen == 0, $"{zombies} results of zombies taken, {unseen} results of starts that had not ended");
        ClaimRestartsAreSoon(jobs);
        findings.Say($"{_interrupted} starts were interrupted by SIGTERM");
    }

    private void ClaimRestartsAreSoon(Dictionary<long, JsonElement> jobs)
    {
        if (_restarts.Count == 0)
        {
            findings.Violated("nothing was interrupted");
            return;
        }

        List<double> seconds = [.. _restarts.Select(restart => restart.Seconds)];
        findings.Claim(
            Figures.Percentile(seconds, 0.99) <= RestartLimit,
            string.Create(
                CultureInfo.InvariantCulture,
                $"{seconds.Count} interrupted starts began again: median {Figures.Percentile(seconds, 0.5):0.0} s, p99 {Figures.Percentile(seconds, 0.99):0.0} s, slowest {seconds.Max():0.0} s"));
        foreach (var late in _restarts.Where(restart => restart.Seconds > RestartLimit))
            findings.Say(string.Create(CultureInfo.InvariantCulture, $"{late.Seconds:0.0} s after its node was {late.How}: {jobs.GetValueOrDefault(late.Job)}"));
    }

    /// <summary>How its node was hurt, and how long after that it began again.</summary>
    private sealed record Restart(long Job, string How, double Seconds);

    private static async Task<List<JsonElement>> ListAsync(BusClient client, string filter, CancellationToken cancellationToken)
    {
        var jobs = new List<JsonElement>();
        for (var before = ""; ;)
        {
            var page = (await client.SendAsync(HttpMethod.Get, $"api/v1/jobs?limit=500{filter}{before}", body: null, cancellationToken)).EnsureSuccess();
            jobs.AddRange(page.Body.GetProperty("jobs").EnumerateArray());
            if (!page.Body.TryGetProperty("scannedTo", out var scannedTo) || scannedTo.ValueKind == JsonValueKind.Null)
                return jobs;
            before = $"&before={scannedTo.GetString()}";
        }
    }
}
