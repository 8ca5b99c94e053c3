using Databus.Proofs.Http;
using Databus.Proofs.Ledgers;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Kills;

/// <summary>How long and how hard the server is killed.</summary>
/// <param name="Kills">How often the server is killed under load.</param>
/// <param name="Adds">How many adds must have been acknowledged one by one, in all.</param>
/// <param name="Senders">How many send at once.</param>
internal sealed record KillLoopSettings(int Kills, int Adds, int Senders, int Seed);

/// <summary>
/// P1, P2 and P3 through SIGKILLs at random moments, some of them in the middle of a slow commit: nothing acknowledged is lost, nothing is taken twice, no reader
/// misses anything. The ledger lives in this process, never in the server.
/// </summary>
internal sealed class KillLoop(KillLoopSettings settings, Findings findings)
{
    /// <summary>Every so many kills fall on a server whose disk is slow.</summary>
    private const int SlowEvery = 4;
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan CatchUp = TimeSpan.FromSeconds(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var data = new TemporaryFolder();
        var port = LoopbackPort.Find();
        var server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
        try
        {
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            var ledgers = new[] { new Ledger("ads", findings), new Ledger("more-ads", findings) };
            foreach (var ledger in ledgers)
                (await client.PutTopicAsync(ledger.Topic, cancellationToken)).EnsureSuccess();

            using var stopReading = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var pages = ledgers.Select(ledger => new PageFollower(client, ledger.Topic, 200, findings)).ToArray();
            var events = ledgers
                .Select(ledger => new EventFollower(client, ledger.Topic, maxPerConnection: null, settings.Seed, findings))
                .ToArray();
            var reading = Task.WhenAll(
            [
                .. pages.Select(reader => reader.RunAsync(stopReading.Token)),
                .. events.Select(reader => reader.RunAsync(stopReading.Token)),
            ]);

            var senders = new Senders(client, ledgers, settings.Seed);
            var sending = senders.RunAsync(settings.Senders, cancellationToken);
            var random = new Random(settings.Seed);
            var audited = new long[ledgers.Length];
            Task LiveAsync(int adds)
            {
                var moment = senders.Acknowledged + adds;
                return Deadline.WaitAsync(() => senders.Acknowledged >= moment, LongestLife, cancellationToken);
            }

            for (var kill = 1; kill <= settings.Kills; kill++)
            {
                await LiveAsync(random.Next(Math.Max(1, 2 * settings.Adds / settings.Kills)));
                using (var slow = kill % SlowEvery == 0 ? SlowDisk.Start(server.Id) : null)
                {
                    if (slow is not null)
                        await LiveAsync(random.Next(20, 100));
                    await Task.Delay(random.Next(30), cancellationToken);
                    await server.KillAsync();
                    await server.DisposeAsync();
                }

                server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
                for (var index = 0; index < ledgers.Length; index++)
                    audited[index] = await ledgers[index].AuditTailAsync(client, audited[index], cancellationToken);
                if (kill % 10 == 0 || kill == settings.Kills)
                    findings.Say($"{kill} kills, {senders.Acknowledged} acknowledged, the last start took {server.StartTime.TotalMilliseconds:0} ms");
            }

            await Deadline.WaitAsync(() => senders.SingleAcknowledged >= settings.Adds, LongestRest, cancellationToken);
            senders.Stop();
            await sending;
            findings.Claim(
                senders.SingleAcknowledged >= settings.Adds,
                $"{senders.SingleAcknowledged} adds from {settings.Senders} senders were acknowledged one by one over {settings.Kills} kills");

            await server.KillAsync();
            await server.DisposeAsync();
            server = await ServerProcess.StartAsync(data.Path, port, cancellationToken);
            for (var index = 0; index < ledgers.Length; index++)
            {
                var log = await ledgers[index].AuditAsync(client, cancellationToken);
                foreach (var sightings in new[] { pages[index].Sightings, events[index].Sightings })
                {
                    await Deadline.WaitAsync(() => sightings.LastId >= log[^1].Id, CatchUp, cancellationToken);
                    sightings.Audit(log);
                }
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
