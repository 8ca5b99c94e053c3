using System.Text;
using System.Text.Json;
using Databus.Proofs.Http;
using Databus.Server.Tests.CommandLine;
using Databus.Testing;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>Real ads, a real process.</summary>
public abstract class RealInputTests(RunningServer server)
{
    [Fact]
    public async Task A_stream_with_repeats_gives_exactly_its_expected_results()
    {
        var lines = await File.ReadAllLinesAsync(SharedData.Path("listings/dedup-stream-500.jsonl"), TestContext.Current.CancellationToken);
        using var expected = JsonDocument.Parse(await File.ReadAllTextAsync(
            SharedData.Path("listings/dedup-stream-500.expected.json"), TestContext.Current.CancellationToken));
        var ids = new List<long>();

        foreach (var line in expected.RootElement.GetProperty("lines").EnumerateArray())
        {
            var content = Encoding.UTF8.GetBytes(lines[line.GetProperty("line").GetInt32() - 1]);
            var answer = await server.Client.AddAsync("dedup", content, idempotencyKey: null, TestContext.Current.CancellationToken);
            var original = line.GetProperty("duplicateOfLine");
            if (original.ValueKind == JsonValueKind.Null)
                Assert.Equal(AddResult.Added, answer.Result);
            else
                Assert.Equal((AddResult.Duplicate, ids[original.GetInt32() - 1]), (answer.Result, answer.Id));
            ids.Add(answer.Id);
        }

        var items = await server.Client.SendAsync(HttpMethod.Get, "api/v1/topics/dedup/items?limit=1000", body: null, TestContext.Current.CancellationToken);
        var keys = items.Body.GetProperty("items").EnumerateArray().ToDictionary(item => Answer.ReadId(item), item => item.GetProperty("key").GetString());
        foreach (var (line, id) in expected.RootElement.GetProperty("lines").EnumerateArray().Zip(ids))
            Assert.Equal(line.GetProperty("sha256OfCanonicalJson").GetString(), keys[id]);
    }

    [Fact]
    public async Task A_consumer_goes_on_after_a_restart_where_it_was()
    {
        var file = SharedData.Path("listings/apartments-us-10k.jsonl");
        await RunAsync("add", file, "--topic", "apartments");

        var before = await RunAsync("fetch", "apartments", "--max", "3210");
        await server.RestartAsync();
        var after = await RunAsync("fetch", "apartments", "--all");
        var none = await RunAsync("fetch", "apartments", "--all");

        Assert.Equal(3_210, before.Lines.Length);
        Assert.Empty(none.Lines);
        var sent = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(
            sent.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("ad_id").GetInt64()),
            before.Lines.Concat(after.Lines).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("ad_id").GetInt64()));
    }

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync(args, server.Address, stop: TestContext.Current.CancellationToken);
}
