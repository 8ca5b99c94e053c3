using System.Collections.Concurrent;
using Databus.Proofs.Http;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Disk;

/// <summary>P10: after a failed fsync the server stops rather than lie.</summary>
internal sealed class FailingDiskProof(int senders, Findings findings)
{
    private const int StoreFailedExitCode = 70;
    private static readonly TimeSpan Warm = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(1);

    /// <summary>How long an answer to something committed before the failure may be on its way.</summary>
    private static readonly TimeSpan OnItsWay = TimeSpan.FromMilliseconds(200);

    private readonly TimeProvider _time = TimeProvider.System;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        using var traces = new TemporaryFolder();
        var port = LoopbackPort.Find();
        var ledger = new Ledger("ads", findings);
        await using (var server = await ServerProcess.StartAsync(data.Path, port, cancellationToken))
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(10));
            await client.PutTopicAsync(ledger.Topic, cancellationToken);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var successes = new ConcurrentQueue<(DateTimeOffset Sent, DateTimeOffset Answered)>();
            var sending = Task.WhenAll(Enumerable.Range(0, senders)
                .Select(sender => SendAsync(client, ledger, sender, successes, stop.Token)));
            await Task.Delay(Warm, cancellationToken);

            using var failing = FailingSync.Start(server.Id, traces.File("trace"));
            var hasEnded = await server.TryWaitForExitAsync(Patience, cancellationToken);
            var ended = _time.GetUtcNow();
            await stop.CancelAsync();
            await sending;
            if (failing.FirstFailure() is not { } failed)
                throw new InvalidOperationException($"No fsync was made to fail. {failing.Complaint()}");

            findings.Say($"{successes.Count} adds were answered with success; then fsync failed");
            var afterwards = successes.Count(success => success.Sent > failed);
            var late = successes.Count(success => success.Answered > failed + OnItsWay);
            findings.Claim(
                afterwards == 0 && late == 0,
                $"{afterwards} adds sent after the failure were answered with success, "
                + $"and {late} later than {OnItsWay.TotalMilliseconds} ms after it");
            findings.Claim(
                hasEnded && ended - failed <= EndLimit,
                $"the process ended {(ended - failed).TotalMilliseconds:0} ms after the failure (within {EndLimit.TotalMilliseconds} ms)");
            if (!hasEnded)
                return;
            findings.Claim(server.ExitCode == StoreFailedExitCode, $"its exit code is {server.ExitCode}");
            findings.Claim(
                server.FirstFailure?.Contains("disk", StringComparison.OrdinalIgnoreCase) == true,
                $"it said why: {server.FirstFailure ?? server.Log}");
        }

        await using var again = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
        using var auditor = new BusClient(again.Address, TimeSpan.FromSeconds(30));
        await ledger.AuditAsync(auditor, cancellationToken);
    }

    private async Task SendAsync(
        BusClient client, Ledger ledger, int sender, ConcurrentQueue<(DateTimeOffset Sent, DateTimeOffset Answered)> successes,
        CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var thing = new Thing(IsOrder: false, ledger.NextAd());
            var sent = _time.GetUtcNow();
            var answer = await client.AddAsync(ledger.Topic, thing.Content(sender), idempotencyKey: null, CancellationToken.None);
            ledger.Answered(thing, answer);
            if (answer.Result == AddResult.Added)
                successes.Enqueue((sent, _time.GetUtcNow()));
            else
                await Task.Delay(TimeSpan.FromMilliseconds(10), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
