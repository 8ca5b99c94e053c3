using System.Diagnostics;
using Databus.Proofs.Http;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Readers;

/// <summary>How much the readers have to follow.</summary>
/// <param name="Restarts">How often the server is stopped and started again.</param>
/// <param name="Adds">How many adds must have been acknowledged one by one, in all.</param>
internal sealed record ReaderSettings(int Restarts, int Adds, int Senders, int Seed);

/// <summary>
/// P3: readers that follow a topic by <c>after=</c> and by events, under concurrent appends, through orderly restarts
/// and reconnects of their own, see every id once and in order.
/// </summary>
internal sealed class ReaderProof(ReaderSettings settings, Findings findings)
{
    private static readonly int[] PageSizes = [1, 7, 1000];
    private static readonly int?[] EventsPerConnection = [null, 20, 200, 1000];
    private static readonly TimeSpan LongestLife = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(60);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        var port = LoopbackPort.Find();
        var server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
        try
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            var ledger = new Ledger("ads", findings);
            (await client.PutTopicAsync(ledger.Topic, cancellationToken)).EnsureSuccess();

            using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            PageFollower[] pages = [.. PageSizes.Select(limit => new PageFollower(client, ledger.Topic, limit, findings))];
            EventFollower[] events =
            [
                .. EventsPerConnection.Select((max, index) =>
                    new EventFollower(client, ledger.Topic, max, settings.Seed + index, findings)),
            ];
            Sightings[] all = [.. pages.Select(reader => reader.Sightings), .. events.Select(reader => reader.Sightings)];
            var reading = Task.WhenAll(
            [
                .. pages.Select(reader => reader.RunAsync(stopReading.Token)),
                .. events.Select(reader => reader.RunAsync(stopReading.Token)),
            ]);

            var senders = new Senders(client, [ledger], settings.Seed);
            var sending = senders.RunAsync(settings.Senders, cancellationToken);
            for (var restart = 1; restart <= settings.Restarts; restart++)
            {
                var moment = (long)settings.Adds * restart / (settings.Restarts + 1);
                await Deadline.WaitAsync(() => senders.SingleAcknowledged >= moment, LongestLife, cancellationToken);
                var stopping = Stopwatch.GetTimestamp();
                var exitCode = await server.StopAsync(cancellationToken);
                var took = Stopwatch.GetElapsedTime(stopping).TotalMilliseconds;
                findings.Say($"restart {restart} after {senders.Acknowledged} acknowledged: the stop took {took:0} ms");
                if (exitCode != 0)
                    findings.Violated($"SIGTERM ended the server with exit code {exitCode}: {server.Log}");
                if (server.FirstFailure is { } failure)
                    findings.Violated($"the server's log speaks of a failure: {failure}");
                await server.DisposeAsync();
                server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
            }

            await Deadline.WaitAsync(() => senders.SingleAcknowledged >= settings.Adds, LongestLife, cancellationToken);
            senders.Stop();
            await sending;
            findings.Claim(
                senders.SingleAcknowledged >= settings.Adds,
                $"{senders.SingleAcknowledged} adds were acknowledged one by one over {settings.Restarts} restarts");
            var log = await ledger.AuditAsync(client, cancellationToken);
            foreach (var sightings in all)
            {
                await Deadline.WaitAsync(() => sightings.LastId >= log[^1].Id, CatchUp, cancellationToken);
                sightings.Audit(log);
            }

            await stopReading.CancelAsync();
            await reading;
        }
        finally
        {
            await server.DisposeAsync();
        }
    }
}
