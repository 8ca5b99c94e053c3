using System.Diagnostics;
using System.Text;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>How long after an add an idle consumer's long poll has its item, beside one bare request there and back.</summary>
internal static class WakeUps
{
    private const int Wakes = 300;
    private static readonly byte[] Poll = Encoding.UTF8.GetBytes("""{"max":1,"waitSeconds":30,"leaseSeconds":60}""");

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        using var folder = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        var times = await TimesAsync(plan, server.Address, server.Address);
        report.Add(new Figure("wake-up of an idle consumer, median", "ms", Median.Of(times), null, null, null));
        report.Add(new Figure("wake-up of an idle consumer, p99", "ms", Median.Percentile(times, 0.99), null, null, Limit.AtMost(5)));
    }

    /// <summary>Milliseconds from the answer to an add at one node to the item in the hands of a consumer at another.</summary>
    public static async Task<IReadOnlyList<double>> TimesAsync(Plan plan, Uri adds, Uri consumes)
    {
        using var sender = await HttpLine.OpenAsync(adds);
        using var consumer = await HttpLine.OpenAsync(consumes);
        var times = new List<double>();
        for (var i = 0; i < Wakes * Math.Min(plan.Rounds, 2); i++)
        {
            await consumer.SendAsync("/api/v1/topics/default/subscriptions/idle/fetch", Poll, "application/json");
            var item = consumer.ReceiveAsync();

            // Long enough for the poll to lie in wait; what is measured begins after it.
            await Task.Delay(10);
            var answer = sender.PostAsync("/add", Listings.Next());
            await answer;
            var answered = Stopwatch.GetTimestamp();
            await item;
            times.Add(Math.Max(0, Stopwatch.GetElapsedTime(answered).TotalMilliseconds));
        }

        return [.. times.Skip(50)];
    }
}
