using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Processes;

namespace Databus.Bench;

/// <summary>Fetch and acknowledge in batches by one consumer, beside the same statements without anything around them.</summary>
internal static partial class Fetches
{
    public const int Items = 100_000;
    private const int ItemsPerFetch = 500;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        using var folder = new TemporaryFolder();
        using var bareFolder = new TemporaryFolder();
        await using var server = await ServerProcess.StartAsync(folder.Path, LoopbackPort.Find(), CancellationToken.None);
        using var line = await HttpLine.OpenAsync(server.Address);
        await FillAsync(line);
        using var sqlite = new BareSqlite(bareFolder.Path);
        Fill(sqlite);

        List<double> baseline = [], databus = [];
        await DrainAsync(line, "warm-up");
        for (var round = 0; round < plan.Rounds; round++)
        {
            baseline.Add(LeaseAndEnd(sqlite));
            databus.Add(await DrainAsync(line, $"round-{round}"));
        }

        report.Add(new Figure(
            "fetch and acknowledge, 1 consumer", "items/s", Median.Of(databus), "select, lease, delete by the same driver", Median.Of(baseline), Limit: null));
    }

    public static Task FillAsync(HttpLine line) => line.PostAsync("/api/v1/topics/fetched/items", Listings.Lines(Items), "application/x-ndjson");

    private static void Fill(BareSqlite sqlite)
    {
        sqlite.Begin();
        for (var i = 0; i < Items; i++)
        {
            var content = Listings.Next();
            sqlite.Insert(SHA256.HashData(content)[..16], content);
        }

        sqlite.Commit();
    }

    private static double LeaseAndEnd(BareSqlite sqlite)
    {
        var started = Stopwatch.GetTimestamp();
        for (var after = 0; after < Items; after += ItemsPerFetch)
            sqlite.LeaseAndEnd(after, ItemsPerFetch);
        return Items / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    /// <summary>Items a second that one consumer takes and acknowledges, of those that <see cref="FillAsync"/> put there.</summary>
    public static async Task<double> DrainAsync(HttpLine line, string subscription)
    {
        var path = $"/api/v1/topics/fetched/subscriptions/{subscription}";
        var fetch = Encoding.UTF8.GetBytes($$"""{"max":{{ItemsPerFetch}},"leaseSeconds":60}""");
        var started = Stopwatch.GetTimestamp();
        for (var taken = 0; taken < Items;)
        {
            var (_, answer) = await line.PostAsync($"{path}/fetch", fetch);
            var tokens = Token().Matches(Encoding.UTF8.GetString(answer.Span)).Select(match => match.Groups["token"].Value).ToList();
            if (tokens.Count == 0)
                throw new InvalidOperationException("Items are missing.");
            await line.PostAsync($"{path}/ack", Encoding.UTF8.GetBytes($$"""{"tokens":[{{string.Join(',', tokens)}}]}"""));
            taken += tokens.Count;
        }

        return Items / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    [GeneratedRegex("\"token\":(?<token>\"[^\"]+\")", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Token();
}
