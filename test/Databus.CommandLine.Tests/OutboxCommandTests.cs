using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Databus.CommandLine.Tests;

public sealed class OutboxCommandTests
{
    [Fact]
    public async Task Types_are_listed()
    {
        await using var application = new Application();
        var (code, output, error) = await application.RunAsync("types");
        Assert.Equal(0, code);
        Assert.Equal(
            """
            TYPE      SENDER  AUTO-FLUSH  BATCH  ATTEMPTS
            letter    yes     yes         100    1
            pigeon    no      yes         100    10
            telegram  yes     yes         100    10

            """,
            output);
        Assert.Empty(error);
    }

    [Fact]
    public async Task Pending_counts_by_type_and_in_total()
    {
        await using var application = new Application();
        await application.RecordAsync(new Letter("a"), new Letter("b"));
        await application.RecordAsync(new Telegram("c"));
        await application.RecordAsync(new Pigeon("d"));
        var (code, output, _) = await application.RunAsync("pending");
        Assert.Equal(0, code);
        Assert.Equal(["letter 2", "pigeon 1", "telegram 1", "total 4"], Counts(output));
        Assert.Equal(["letter 2", "total 2"], Counts((await application.RunAsync("pending letter")).Output));
        Assert.Equal(["letter 2", "pigeon 1", "total 3"], Counts((await application.RunAsync("pending --exclude telegram")).Output));
    }

    [Theory]
    [InlineData("flush --wait 0", "a b c")]
    [InlineData("flush-many --wait 0 --workers 3", "a b c")]
    [InlineData("flush-ordered --wait 0", "a b c")]
    [InlineData("flush --wait 0 telegram", "c")]
    [InlineData("flush --wait 0 wire", "c")]
    [InlineData("flush --wait 0 telegram letter", "a b c")]
    [InlineData("flush --wait 0 --exclude telegram", "a b")]
    [InlineData("flush-many --wait 0 --exclude telegram --exclude letter", "")]
    public async Task A_flush_sends_what_it_is_told_to(string line, string sent)
    {
        await using var application = new Application();
        await application.RecordAsync(new Letter("a"), new Letter("b"));
        await application.RecordAsync(new Telegram("c"));
        var (code, output, error) = await application.RunAsync(line);
        Assert.Equal((0, ""), (code, error));
        var wanted = sent.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(wanted, application.Sent.Order(StringComparer.Ordinal));
        Assert.Equal($"{wanted.Length} sent\n", output);
    }

    [Fact]
    public async Task A_message_that_cannot_be_sent_is_a_failure_and_the_others_are_sent()
    {
        await using var application = new Application();
        await application.RecordAsync(new Letter("a"), new Letter("bad one"), new Letter("c"));
        var (code, output, error) = await application.RunAsync("flush --wait 0");
        Assert.Equal(1, code);
        Assert.Equal("2 sent\n", output);
        Assert.Contains("No stamp  on bad one.", error, StringComparison.Ordinal);
        Assert.Equal(["a", "c"], application.Sent);

        // It was its only attempt.
        var (parkedCode, parked, _) = await application.RunAsync("parked");
        Assert.Equal(0, parkedCode);
        var row = parked.Split('\n')[1].Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        Assert.Equal("letter", row[1]);
        Assert.StartsWith("No stamp", row[5], StringComparison.Ordinal);
        Assert.Single((await application.RunAsync("parked telegram")).Output.Trim().Split('\n'));

        application.Sent.Enqueue("mended");
        Assert.Equal((0, "1 replayed\n", ""), await application.RunAsync($"replay {row[0]}"));
        Assert.Equal((0, "1 sent\n", ""), await application.RunAsync("flush --wait 0"));
        Assert.Equal((1, "0 replayed\n", "Some of these are not parked.\n"), await application.RunAsync($"replay {row[0]}"));
    }

    [Fact]
    public async Task An_ordered_flush_stops_at_the_first_that_fails()
    {
        await using var application = new Application();
        await application.RecordAsync(new Letter("a"), new Letter("bad one"), new Letter("c"));
        var (code, output, _) = await application.RunAsync("flush-ordered --wait 0");
        Assert.Equal((1, "1 sent\n"), (code, output));
        Assert.Equal(["a"], application.Sent);
    }

    [Fact]
    public async Task All_that_is_parked_is_replayed()
    {
        await using var application = new Application();
        await application.RecordAsync(Enumerable.Range(0, 20).Select(number => new Letter($"bad {number}")));
        Assert.Equal(1, (await application.RunAsync("flush --wait 0")).Code);
        Assert.Equal((0, "20 replayed\n", ""), await application.RunAsync("replay --all"));
        Assert.Equal(["letter 20", "total 20"], Counts((await application.RunAsync("pending")).Output));
    }

    [Fact]
    public async Task A_repeated_flush_goes_on_until_it_is_interrupted()
    {
        await using var application = new Application();
        using var stop = new CancellationTokenSource();
        var running = application.RunAsync("flush --wait 0 --repeat 0.01", stop.Token);
        await application.RecordAsync(new Letter("a"));
        Assert.True(await Deadline.WaitAsync(() => application.Sent.Count == 1, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        await application.RecordAsync(new Letter("bad one"), new Letter("b"));
        Assert.True(await Deadline.WaitAsync(() => application.Sent.Count == 2, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        await application.RecordAsync(new Letter("c"));
        Assert.True(await Deadline.WaitAsync(() => application.Sent.Count == 3, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        await stop.CancelAsync();
        var (code, _, error) = await running;
        Assert.Equal(1, code);
        Assert.Contains("No stamp", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_looks_again_until_it_is_interrupted()
    {
        await using var application = new Application();
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        var running = application.RunAsync("pending --watch", stop.Token, output);
        Assert.True(await Deadline.WaitAsync(() => output.ToString().Contains("total", StringComparison.Ordinal), TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.False(running.IsCompleted);
        await stop.CancelAsync();
        Assert.Equal(130, (await running).Code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("flash")]
    [InlineData("flush nobody")]
    [InlineData("flush --exclude nobody")]
    [InlineData("flush --wait soon")]
    [InlineData("flush --repeat -1")]
    [InlineData("flush --workers 3")]
    [InlineData("flush-many --workers 65")]
    [InlineData("parked --limit 0")]
    [InlineData("replay")]
    [InlineData("replay 1 --all")]
    [InlineData("replay one")]
    public async Task Wrong_usage_attempts_nothing(string line)
    {
        await using var application = new Application();
        await application.RecordAsync(new Letter("a"));
        var (code, output, error) = await application.RunAsync(line);
        Assert.Equal((2, ""), (code, output));
        Assert.NotEmpty(error);
        Assert.Empty(application.Sent);
    }

    [Fact]
    public async Task A_type_without_a_sender_cannot_be_flushed()
    {
        await using var application = new Application();
        var (code, _, error) = await application.RunAsync("flush --wait 0 pigeon");
        Assert.Equal(1, code);
        Assert.Contains("pigeon", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_says_what_there_is()
    {
        await using var application = new Application();
        var (code, output, _) = await application.RunAsync("--help");
        Assert.Equal(0, code);
        foreach (var name in new[] { "flush", "flush-many", "flush-ordered", "types", "pending", "parked", "replay" })
            Assert.Contains(name, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_runs_as_ever_without_the_word()
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        var started = new TaskCompletionSource();
        builder.Services.AddHostedService(_ => new Started(started));
        using var stop = new CancellationTokenSource();
        var running = builder.Build().RunWithOutboxCommandsAsync(["serve"], stop.Token);
        await started.Task.WaitAsync(TimeSpan.FromSeconds(20));
        await stop.CancelAsync();
        Assert.Equal(0, await running);
    }

    [Fact]
    public async Task A_command_starts_nothing_and_says_when_there_is_no_outbox()
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        var started = new TaskCompletionSource();
        builder.Services.AddHostedService(_ => new Started(started));
        Assert.Equal(1, await builder.Build().RunWithOutboxCommandsAsync(["outbox", "types"]));
        Assert.False(started.Task.IsCompleted);
    }

    /// <summary>Of a table, the first two columns of each row.</summary>
    private static IEnumerable<string> Counts(string table) => table.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1)
        .Select(row => string.Join(' ', row.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(2)));

    private sealed class Started(TaskCompletionSource started) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            started.SetResult();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
