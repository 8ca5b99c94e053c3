using System.Diagnostics;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>Single durable adds over 64 connections, beside an endpoint that only parses the same bodies.</summary>
internal static class SingleAdds
{
    public const int Connections = 64;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        using var folder = new TemporaryFolder();
        await using var bare = await BareHttp.StartAsync();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        await RateAsync(TimeSpan.FromSeconds(2), bare.Address);
        await RateAsync(TimeSpan.FromSeconds(3), server.Address);

        List<double> baseline = [], databus = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(await RateAsync(plan.Time, bare.Address));
            databus.Add(await RateAsync(plan.Time, server.Address));
        }

        report.Add(new Figure(
            "single durable adds, 64 connections", "adds/s", Median.Of(databus), "Kestrel that only parses", Median.Of(baseline), Limit.AtLeast(0.5)));
    }

    /// <summary>Adds a second, all of them new, over so many connections to all of these servers.</summary>
    public static async Task<double> RateAsync(TimeSpan time, params Uri[] addresses)
    {
        var started = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(connection => Task.Run(async () =>
        {
            using var line = await HttpLine.OpenAsync(addresses[connection % addresses.Length]);
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
