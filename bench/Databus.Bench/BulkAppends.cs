using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>Bulk appends over HTTP, beside a loop of two inserts a row in batches of the same size, rows ready in memory.</summary>
internal static class BulkAppends
{
    private const int RowsPerBatch = 1000;
    private const int Rows = 200_000;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        List<double> baseline = [], databus = [];
        using var folder = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        await SendAsync(server.Address, "warm-up", 50_000);
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(Inserts());
            databus.Add(await SendAsync(server.Address, $"bulk-{round}", Rows));
        }

        report.Add(new Figure(
            "bulk over HTTP (NDJSON)", "items/s", Median.Of(databus), "two inserts a row, batches of 1000", Median.Of(baseline), Limit.AtLeast(0.8)));
    }

    private static double Inserts()
    {
        using var folder = new TemporaryFolder();
        using var sqlite = new BareSqlite(folder.Path);
        var rows = Enumerable.Range(0, Rows).Select(_ => Listings.Next()).Select(content => (Hash: SHA256.HashData(content)[..16], Content: content)).ToArray();
        var started = Stopwatch.GetTimestamp();
        foreach (var batch in rows.Chunk(RowsPerBatch))
        {
            sqlite.Begin();
            foreach (var (hash, content) in batch)
                sqlite.Insert(hash, content);
            sqlite.Commit();
        }

        return Rows / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Lines a second, all of them new, in one request.</summary>
    public static async Task<double> SendAsync(Uri address, string topic, int rows)
    {
        var lines = Listings.Lines(rows);
        using var line = await HttpLine.OpenAsync(address);
        var started = Stopwatch.GetTimestamp();
        var (status, body) = await line.PostAsync($"/api/v1/topics/{topic}/items", lines, "application/x-ndjson");
        var took = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (status != 200 || !Encoding.UTF8.GetString(body.Span).Contains($"\"added\":{rows}", StringComparison.Ordinal))
            throw new InvalidOperationException($"The bulk was answered {status} {Encoding.UTF8.GetString(body.Span)}.");
        return rows / took;
    }
}
