using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>Start to first answer, and memory when idle.</summary>
internal static class Footprint
{
    private const int Starts = 5;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        List<double> starts = [], memory = [];
        for (var i = 0; i < Math.Max(plan.Rounds, Starts); i++)
        {
            using var folder = new TemporaryFolder();
            await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
            starts.Add(server.StartTime.TotalSeconds);
            await Task.Delay(TimeSpan.FromSeconds(2));
            memory.Add(server.ResidentBytes / 1e6);
        }

        report.Add(new Figure("start to first answer", "s", Median.Of(starts), null, null, Limit.AtMost(2)));
        report.Add(new Figure("idle memory", "MB", Median.Of(memory), null, null, Limit.AtMost(120)));
    }
}
