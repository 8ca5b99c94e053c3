using System.Diagnostics;
using System.Security.Cryptography;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>One add at a time on an idle server, beside one committed insert plus one request.</summary>
internal static class IdleAdd
{
    private const int Adds = 400;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        using var folder = new TemporaryFolder();
        using var bareFolder = new TemporaryFolder();
        await using var bare = await BareHttp.StartAsync();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        using var sqlite = new BareSqlite(bareFolder.Path);
        await RequestsAsync(bare.Address);
        await RequestsAsync(server.Address);
        Inserts(sqlite);

        List<double> requests = [], inserts = [], adds = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            requests.Add(await RequestsAsync(bare.Address));
            inserts.Add(Inserts(sqlite));
            adds.Add(await RequestsAsync(server.Address));
        }

        report.Add(new Figure(
            "one idle add, median", "ms", Median.Of(adds), "one committed insert + one request", Median.Of(inserts) + Median.Of(requests), Limit.AtMost(2)));
    }

    private static async Task<double> RequestsAsync(Uri address)
    {
        using var line = await HttpLine.OpenAsync(address);
        var times = new List<double>();
        for (var i = 0; i < Adds; i++)
        {
            var body = Listings.Next();
            var started = Stopwatch.GetTimestamp();
            await line.PostAsync("/add", body);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return Median.Of(times);
    }

    private static double Inserts(BareSqlite sqlite)
    {
        var times = new List<double>();
        for (var i = 0; i < Adds; i++)
        {
            var content = Listings.Next();
            var hash = SHA256.HashData(content)[..16];
            var started = Stopwatch.GetTimestamp();
            sqlite.Begin();
            sqlite.Insert(hash, content);
            sqlite.Commit();
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return Median.Of(times);
    }
}
