using System.Globalization;
using System.Text;
using System.Text.Json;
using Databus.Server.CommandLine;
using Databus.Testing;

namespace Databus.Server.Tests.CommandLine;

/// <summary>What the command line does with a server, whichever it is: each real kind of server derives from this.</summary>
public abstract class CommandLineSuite : IAsyncLifetime
{
    private Uri? _url;

    public async ValueTask InitializeAsync() => _url = await StartServerAsync();

    public async ValueTask DisposeAsync()
    {
        await StopServerAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Ten_thousand_real_lines_are_added_once_and_are_duplicates_the_second_time()
    {
        string file = SharedData.Path("listings/apartments-us-10k.jsonl");

        CommandRun first = await RunAsync("add", file, "--topic", "apartments");
        Assert.StartsWith("10000 added, 0 duplicates, 0 invalid (", first.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Ok, first.ExitCode);

        CommandRun second = await RunAsync("add", file, "--topic", "apartments");
        Assert.StartsWith("0 added, 10000 duplicates, 0 invalid (", second.Out, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.Ok, second.ExitCode);
    }

    [Fact]
    public async Task A_real_table_becomes_as_many_items_as_it_has_records()
    {
        string file = SharedData.Path("listings/apartments-us-10k.csv");

        CommandRun run = await RunAsync("add", file, "--topic", "apartments", "--types", "--json");
        Assert.Equal(10_000, Json(run).GetProperty("added").GetInt32());

        JsonElement item = Json(await RunAsync("fetch", "apartments"));
        Assert.Equal("1", item.GetProperty("column1").GetRawText());
        Assert.Equal(790, item.GetProperty("price").GetInt32());
        Assert.Equal("$790", item.GetProperty("price_display").GetString());
        Assert.Equal(JsonValueKind.Null, item.GetProperty("bathrooms").ValueKind);
    }

    [Fact]
    public async Task A_consumer_takes_everything_once_and_in_order()
    {
        string lines = string.Concat(Enumerable.Range(1, 1_234).Select(n => $"{{\"n\":{n}}}\n"));
        await WithInputAsync(lines, "add", "--topic", "numbers");

        CommandRun few = await RunAsync("fetch", "numbers", "--max", "3");
        CommandRun rest = await RunAsync("fetch", "numbers", "--all");
        Assert.Equal(lines, few.Out + rest.Out);

        CommandRun none = await RunAsync("fetch", "numbers");
        Assert.Equal(("", "No data available.", ExitCodes.Ok), (none.Out, none.Error.Trim(), none.ExitCode));
        CommandRun other = await RunAsync("fetch", "numbers", "--subscription", "other");
        Assert.Equal("{\"n\":1}", other.Out.Trim());
    }

    [Fact]
    public async Task An_array_over_many_lines_becomes_its_elements()
    {
        const string Array = "[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": 2\n  }\n]\n";
        CommandRun run = await WithInputAsync(Array, "add", "--json");
        Assert.Equal(2, Json(run).GetProperty("added").GetInt32());
        Assert.Equal("{\"a\":1}\n{\"a\":2}\n", (await RunAsync("fetch", "default", "--all")).Out);
    }

    [Fact]
    public async Task Invalid_lines_are_named_and_the_others_are_added()
    {
        CommandRun run = await WithInputAsync("{\"a\":1}\n\nnonsense\r\n[1]\n{\"a\":2}\n", "add");
        Assert.StartsWith("2 added, 0 duplicates, 2 invalid", run.Out, StringComparison.Ordinal);
        Assert.Contains("stdin:3: ", run.Error, StringComparison.Ordinal);
        Assert.Contains("stdin:4: ", run.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCodes.PartlyDone, run.ExitCode);
    }

    [Fact]
    public async Task Invalid_lines_beyond_the_first_chunk_have_the_number_they_have_in_the_input()
    {
        var lines = new StringBuilder();
        for (int n = 1; n <= 5_000; n++)
            lines.Append(CultureInfo.InvariantCulture, $"{(n % 1_500 == 0 ? "bad" : $"{{\"n\":{n}}}")}\n");
        JsonElement result = Json(await WithInputAsync(lines.ToString(), "add", "--json"));
        Assert.Equal(4_997, result.GetProperty("added").GetInt32());
        Assert.Equal(
            [1_500, 3_000, 4_500],
            result.GetProperty("errors").EnumerateArray().Select(error => error.GetProperty("line").GetInt32()));
    }

    [Fact]
    public async Task Every_result_is_one_JSON_value_when_asked_for()
    {
        await WithInputAsync("{\"a\":1}", "add", "--topic", "t");
        string[][] commands =
        [
            ["topics", "list"],
            ["topics", "show", "t"],
            ["topics", "set", "t", "--window", "1d", "--retention", "forever"],
            ["subscriptions", "set", "t", "s", "--start", "beginning", "--lease", "5m"],
            ["subscriptions", "list"],
            ["subscriptions", "show", "t", "s"],
            ["subscriptions", "pause", "t", "s"],
            ["subscriptions", "resume", "t", "s"],
            ["subscriptions", "rewind", "t", "s", "--to", "beginning"],
            ["dead", "list", "t", "s"],
            ["dead", "replay", "t", "s", "--all"],
            ["dead", "discard", "t", "s", "--all"],
            ["sources", "add", "news", "https://example.org/feed.xml", "--paused"],
            ["sources", "list"],
            ["sources", "show", "news"],
            ["sources", "resume", "news"],
            ["sources", "pause", "news"],
            ["sources", "poll", "news"],
            ["sources", "delete", "news"],
            ["nodes"],
            ["fetch", "t"],
            ["subscriptions", "delete", "t", "s"],
            ["topics", "delete", "t"],
        ];
        foreach (string[] command in commands)
        {
            CommandRun run = await RunAsync([.. command, "--json"]);
            Assert.True(run.ExitCode == ExitCodes.Ok, $"{string.Join(' ', command)}: {run.ExitCode} {run.Error}");
            Assert.Equal(JsonValueKind.Object, Json(run).ValueKind);
        }
    }

    [Fact]
    public async Task The_node_that_answers_is_among_the_nodes()
    {
        CommandRun run = await RunAsync("nodes");
        Assert.Equal(ExitCodes.Ok, run.ExitCode);
        Assert.StartsWith("NODE", run.Lines[0], StringComparison.Ordinal);
        Assert.Contains(run.Lines, line => line.Contains(" *  alive ", StringComparison.Ordinal) && line.Contains(" api,worker,collector,scheduler ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Settings_of_a_topic_are_what_was_set()
    {
        CommandRun run = await RunAsync("topics", "set", "t", "--key-pointers", "/source", "/id", "--window", "30d", "--retention", "12h");
        Assert.Contains("/source /id", run.Out, StringComparison.Ordinal);
        Assert.Contains("30d", run.Out, StringComparison.Ordinal);
        Assert.Contains("12h", run.Out, StringComparison.Ordinal);
        Assert.Contains("forever", (await RunAsync("topics", "set", "t", "--retention", "forever")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_there_is_a_failure_in_the_servers_words()
    {
        CommandRun run = await RunAsync("topics", "show", "nowhere");
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Starts an empty server that asks for no token.</summary>
    protected abstract Task<Uri> StartServerAsync();

    protected abstract Task StopServerAsync();

    private static JsonElement Json(CommandRun run) => JsonElement.Parse(Assert.Single(run.Lines));

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync(args, _url);

    private Task<CommandRun> WithInputAsync(string input, params string[] args) =>
        CommandRun.OfAsync(args, _url, new MemoryStream(Encoding.UTF8.GetBytes(input)));
}
