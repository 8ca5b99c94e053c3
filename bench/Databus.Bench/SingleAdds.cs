using System.Diagnostics;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>Single durable adds over 64 connections, beside an endpoint that only parses the same bodies.</summary>
internal static class SingleAdds
{
    private const int Connections = 64;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        using var folder = new TemporaryFolder();
        await using var bare = await BareHttp.StartAsync();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        await RateAsync(bare.Address, TimeSpan.FromSeconds(2));
        await RateAsync(server.Address, TimeSpan.FromSeconds(3));

        List<double> baseline = [], databus = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(await RateAsync(bare.Address, plan.Time));
            databus.Add(await RateAsync(server.Address, plan.Time));
        }

        report.Add(new Figure(
            "single durable adds, 64 connections", "adds/s", Median.Of(databus), "Kestrel that only parses", Median.Of(baseline), Limit.AtLeast(0.5)));
    }

    private static async Task<double> RateAsync(Uri address, TimeSpan time)
    {
        var started = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => Task.Run(async () =>
        {
            using var line = await HttpLine.OpenAsync(address);
            var count = 0;
            while (Stopwatch.GetElapsedTime(started) < time)
            {
                var (status, _) = await line.PostAsync("/add", Listings.Next());
                if (status != 201)
                    throw new InvalidOperationException($"An add was answered {status}.");
                count++;
            }

            return count;
        })));
        return counts.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
