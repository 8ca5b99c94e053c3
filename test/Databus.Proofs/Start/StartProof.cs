using System.Globalization;
using Databus.Proofs.Http;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Proofs.Start;

/// <summary>The server starts in under two seconds, and idle needs under 120 MB.</summary>
internal sealed class StartProof(int runs, Findings findings)
{
    private const double MostSeconds = 2;
    private const long MostBytes = 120_000_000;
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(3);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var seconds = new List<double>();
        var bytes = new List<double>();
        using var data = new TemporaryFolder();
        for (var run = 0; run < runs; run++)
        {
            await using var server = await ServerProcess.StartAsync(data.Path, LoopbackPort.Find(), cancellationToken);
            seconds.Add(server.StartTime.TotalSeconds);
            using var client = new BusClient(server.Address, TimeSpan.FromSeconds(30));
            await client.AddAsync("ads", "{\"first\":true}"u8.ToArray(), idempotencyKey: null, cancellationToken);
            await Task.Delay(IdleTime, cancellationToken);
            bytes.Add(server.ResidentBytes);
            await server.StopAsync(cancellationToken);
        }

        var (median, memory) = (Figures.Percentile(seconds, 0.5), (long)Figures.Percentile(bytes, 0.5));
        findings.Claim(median < MostSeconds, string.Create(
            CultureInfo.InvariantCulture,
            $"start to first answer takes {median:0.00} s (median of {runs}; {seconds.Min():0.00} to {seconds.Max():0.00}; under {MostSeconds:0} s)"));
        findings.Claim(memory < MostBytes, $"idle it needs {Figures.Megabytes(memory)} (median of {runs}; under {Figures.Megabytes(MostBytes)})");
    }
}
