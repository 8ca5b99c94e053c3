using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Databus.Server.CommandLine;
using Databus.Server.CommandLine.Input;
using Databus.Testing;

namespace Databus.Server.Tests.CommandLine;

public sealed class AddTests : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();
    private readonly JumpingTime _time = new();
    private FakeServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await FakeServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    public static TheoryData<string> Formats => ["numbers.jsonl", "numbers.json", "numbers.csv"];

    [Fact]
    public async Task Lines_travel_in_chunks_of_bounded_size()
    {
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(5_000, ".jsonl")));
        Assert.Equal([2_000, 2_000, 1_000], _server.Appends.Select(request => request.Lines.Length));
        Assert.All(_server.Appends, request => Assert.Equal("application/x-ndjson", request.ContentType));
        Assert.StartsWith("5000 added", run.Out, StringComparison.Ordinal);

        string large = string.Concat(Enumerable.Range(0, 10).Select(n => $"{{\"n\":{n},\"text\":\"{new string('x', 300_000)}\"}}\n"));
        await RunAsync("add", _folder.Write("large.jsonl", large));
        Assert.All(_server.Appends, request => Assert.InRange(request.Body.Length, 1, Chunk.MaxBytes + 300_100));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task Resuming_after_a_failure_sends_nothing_that_was_acknowledged(string name)
    {
        string file = _folder.Write(name, Numbers(5_000, Path.GetExtension(name)));
        FailAppend(number: 2, status: 500);

        CommandRun first = await RunAsync("add", file, "--resume");
        Assert.Equal(ExitCodes.Failed, first.ExitCode);
        Assert.Contains("It broke.", first.Error, StringComparison.Ordinal);
        Assert.Contains("goes on where", first.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(file + ProgressFile.Extension));

        _server.Requests.Clear();
        CommandRun second = await RunAsync("add", file, "--resume");
        Assert.Equal(ExitCodes.Ok, second.ExitCode);
        Assert.StartsWith("3000 added, 0 duplicates, 0 invalid", second.Out, StringComparison.Ordinal);
        Assert.Equal(5_000, _server.Items("default").Count);
        Assert.Equal([file], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task A_file_that_has_changed_starts_again()
    {
        string file = _folder.Write("numbers.jsonl", Numbers(3_000, ".jsonl"));
        FailAppend(number: 2, status: 500);
        await RunAsync("add", file, "--resume");
        File.AppendAllText(file, "{\"more\":1}\n");

        CommandRun run = await RunAsync("add", file, "--resume");
        Assert.StartsWith("1001 added, 2000 duplicates, 0 invalid", run.Out, StringComparison.Ordinal);
        Assert.Contains("starts at the beginning", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("not json")]
    public async Task Progress_that_makes_no_sense_is_ignored(string content)
    {
        string file = _folder.Write("numbers.jsonl", Numbers(10, ".jsonl"));
        _folder.Write("numbers.jsonl" + ProgressFile.Extension, content);
        Assert.StartsWith("10 added", (await RunAsync("add", file, "--resume")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_file_is_not_sent_again_when_the_second_was_interrupted()
    {
        string one = _folder.Write("one.jsonl", Numbers(10, ".jsonl"));
        string two = _folder.Write("two.csv", Numbers(20, ".csv"));
        FailAppend(number: 2, status: 500);
        await RunAsync("add", one, two, "--resume");

        _server.Requests.Clear();
        await RunAsync("add", one, two, "--resume");
        Assert.Equal([20], _server.Appends.Select(request => request.Lines.Length));
    }

    [Theory]
    [InlineData(503)]
    [InlineData(429)]
    public async Task A_busy_server_gets_the_time_it_asks_for(int status)
    {
        FailAppend(number: 2, status, retryAfter: 7);
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(5_000, ".jsonl")));
        Assert.StartsWith("5000 added, 0 duplicates, 0 invalid", run.Out, StringComparison.Ordinal);
        Assert.Contains(TimeSpan.FromSeconds(7), _time.Waits);
        Assert.Contains("busy", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_a_busy_server_took_before_it_stopped_are_not_sent_again()
    {
        int appends = 0;
        _server.Intervene = async (http, request) =>
        {
            if (!request.Path.EndsWith("/items", StringComparison.Ordinal) || ++appends != 1)
                return false;
            JsonObject result = _server.Append("default", request.Lines[..700]);
            result["lines"] = 700;
            await FakeServer.RefuseAsync(http, 503, "Busy.", 1, result);
            return true;
        };
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(1_000, ".jsonl")));
        Assert.Equal([1_000, 300], _server.Appends.Select(request => request.Lines.Length));
        Assert.StartsWith("1000 added, 0 duplicates, 0 invalid", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_full_disk_ends_the_command_and_what_was_taken_counts()
    {
        _server.Intervene = async (http, request) =>
        {
            JsonObject result = _server.Append("default", request.Lines[..3]);
            result["lines"] = 3;
            await FakeServer.RefuseAsync(http, 507, "The disk is full.", more: result);
            return true;
        };
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(10, ".jsonl")), "--resume");
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.StartsWith("3 added", run.Out, StringComparison.Ordinal);
        Assert.Contains("The disk is full.", run.Error, StringComparison.Ordinal);

        _server.Intervene = (_, _) => Task.FromResult(false);
        CommandRun again = await RunAsync("add", _folder.File("numbers.jsonl"), "--resume");
        Assert.StartsWith("7 added, 0 duplicates", again.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_answer_is_asked_for_again_and_nothing_is_added_twice()
    {
        int appends = 0;
        _server.Intervene = (http, request) =>
        {
            if (++appends != 2)
                return Task.FromResult(false);
            _server.Append("default", request.Lines);
            http.Abort();
            return Task.FromResult(true);
        };
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(5_000, ".jsonl")));
        Assert.StartsWith("3000 added, 2000 duplicates, 0 invalid", run.Out, StringComparison.Ordinal);
        Assert.Equal(5_000, _server.Items("default").Count);
        Assert.Equal(ExitCodes.Ok, run.ExitCode);
    }

    [Fact]
    public async Task A_server_that_stays_away_is_given_up_after_the_time_allowed()
    {
        int appends = 0;
        _server.Intervene = (http, _) =>
        {
            if (++appends == 1)
                return Task.FromResult(false);
            http.Abort();
            return Task.FromResult(true);
        };
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(5_000, ".jsonl")), "--retry-for", "30s");
        Assert.Equal(ExitCodes.Unreachable, run.ExitCode);
        Assert.StartsWith("2000 added", run.Out, StringComparison.Ordinal);
        Assert.InRange(_time.Waits.Aggregate(TimeSpan.Zero, (sum, wait) => sum + wait).TotalSeconds, 30, 36);
    }

    [Fact]
    public async Task A_chunk_beyond_the_servers_limit_is_halved_until_it_fits()
    {
        _server.Intervene = async (http, request) =>
        {
            if (request.Body.Length <= 100)
                return false;
            await FakeServer.RefuseAsync(http, 413, "The body is too large.");
            return true;
        };
        string lines = Numbers(50, ".jsonl") + $"{{\"huge\":\"{new string('x', 200)}\"}}\n";
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", lines));
        Assert.StartsWith("50 added, 0 duplicates, 1 invalid", run.Out, StringComparison.Ordinal);
        Assert.Contains("numbers.jsonl:51: The body is too large.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task Without_the_right_token_nothing_is_allowed(int status)
    {
        FailAppend(number: 1, status);
        CommandRun run = await RunAsync("add", _folder.Write("numbers.jsonl", Numbers(1, ".jsonl")), "--token", "dbt_x");
        Assert.Equal(ExitCodes.NotAllowed, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.Equal("Bearer dbt_x", Assert.Single(_server.Appends).Authorization);
    }

    [Fact]
    public async Task An_interrupted_run_finishes_its_chunk_and_says_how_to_go_on()
    {
        using var stop = new CancellationTokenSource();
        _server.Intervene = async (_, _) =>
        {
            await stop.CancelAsync();
            return false;
        };
        string file = _folder.Write("numbers.jsonl", Numbers(5_000, ".jsonl"));
        CommandRun run = await CommandRun.OfAsync(["add", file, "--resume"], _server.Url, stop: stop.Token);
        Assert.Equal(ExitCodes.Interrupted, run.ExitCode);
        Assert.StartsWith("2000 added", run.Out, StringComparison.Ordinal);
        Assert.Contains("Interrupted. The same command goes on", run.Error, StringComparison.Ordinal);

        _server.Intervene = (_, _) => Task.FromResult(false);
        Assert.StartsWith("3000 added, 0 duplicates", (await RunAsync("add", file, "--resume")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_written_into_the_pipe_does_not_wait_for_a_full_chunk()
    {
        var pipe = new Pipe();
        var arrived = new TaskCompletionSource();
        _server.Intervene = (_, _) =>
        {
            arrived.TrySetResult();
            return Task.FromResult(false);
        };
        Task<CommandRun> run = CommandRun.OfAsync(["add"], _server.Url, pipe.Reader.AsStream());
        await pipe.Writer.WriteAsync("{\"a\":1}\n{\"a\":"u8.ToArray());
        await arrived.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await pipe.Writer.WriteAsync("2}\n"u8.ToArray());
        await pipe.Writer.CompleteAsync();
        Assert.StartsWith("2 added", (await run).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_JSON_result_says_everything()
    {
        CommandRun run = await CommandRun.OfAsync(
            ["add", "--json", "--topic", "t"], _server.Url, new MemoryStream(Encoding.UTF8.GetBytes("{\"a\":1}\n{\"a\":1}\noops\n")));
        JsonElement result = JsonElement.Parse(run.Out);
        Assert.Equal("t", result.GetProperty("topic").GetString());
        Assert.Equal(1, result.GetProperty("added").GetInt32());
        Assert.Equal(1, result.GetProperty("duplicates").GetInt32());
        Assert.Equal(1, result.GetProperty("invalid").GetInt32());
        Assert.Equal(3, result.GetProperty("errors")[0].GetProperty("line").GetInt32());
        Assert.True(result.GetProperty("complete").GetBoolean());
        Assert.Equal(ExitCodes.PartlyDone, run.ExitCode);
    }

    private static string Numbers(int count, string extension)
    {
        IEnumerable<int> numbers = Enumerable.Range(1, count);
        return extension switch
        {
            ".csv" => "n,text\n" + string.Concat(numbers.Select(n => $"{n},\"line\r\nbreak\"\r\n")),
            ".json" => $"[\n{string.Join(",\n", numbers.Select(n => $"{{\n\"n\": {n}\n}}"))}\n]\n",
            _ => string.Concat(numbers.Select(n => $"{{\"n\":{n}}}\n")),
        };
    }

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync(args, _server.Url, time: _time);

    private void FailAppend(int number, int status, int? retryAfter = null)
    {
        int appends = 0;
        _server.Intervene = async (http, request) =>
        {
            if (!request.Path.EndsWith("/items", StringComparison.Ordinal) || ++appends != number)
                return false;
            await FakeServer.RefuseAsync(http, status, "It broke.", retryAfter);
            return true;
        };
    }
}
