using System.Net;
using System.Net.Sockets;
using System.Text;
using Databus.Server.CommandLine;

namespace Databus.Server.Tests.CommandLine;

public sealed class UsageTests
{
    [Theory]
    [InlineData("no-such-command")]
    [InlineData("topics")]
    [InlineData("topics show")]
    [InlineData("topics show ../tokens")]
    [InlineData("topics show a/b")]
    [InlineData("topics set t --window soon")]
    [InlineData("topics set t --retention soon")]
    [InlineData("fetch t --max 0")]
    [InlineData("fetch t --max many")]
    [InlineData("fetch t --lease 11y")]
    [InlineData("dead replay t s")]
    [InlineData("dead replay t s 1 --all")]
    [InlineData("subscriptions rewind t s")]
    [InlineData("subscriptions rewind t s --to end --after 3")]
    [InlineData("subscriptions rewind t s --to middle")]
    [InlineData("subscriptions rewind t s --time yesterday")]
    [InlineData("sources add news ftp://example.org/feed")]
    [InlineData("add --resume")]
    [InlineData("add - -")]
    [InlineData("add --format xml")]
    [InlineData("add --delimiter ab")]
    [InlineData("topics list --url ftp://example.org")]
    [InlineData("serve --environment Staging")]
    [InlineData("")]
    public async Task Wrong_usage_is_refused_in_a_sentence(string line)
    {
        CommandRun run = await CommandRun.OfAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(ExitCodes.WrongUsage, run.ExitCode);
        Assert.Empty(run.Out);
        Assert.InRange(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length, 1, 2);
        Assert.DoesNotContain("System.", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("serve")]
    [InlineData("add")]
    [InlineData("fetch")]
    [InlineData("topics set")]
    [InlineData("subscriptions rewind")]
    [InlineData("dead replay")]
    [InlineData("sources add")]
    [InlineData("token create")]
    [InlineData("backup")]
    [InlineData("restore")]
    [InlineData("doctor")]
    public async Task Help_has_an_example(string command)
    {
        CommandRun run = await CommandRun.OfAsync([.. command.Split(' '), "--help"]);
        Assert.Equal(ExitCodes.Ok, run.ExitCode);
        Assert.Contains("Example", run.Out, StringComparison.Ordinal);
        Assert.Contains($"databus {command}", run.Out, StringComparison.Ordinal);
        Assert.Contains("--json", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_help_of_the_program_lists_its_commands_and_exit_codes()
    {
        CommandRun run = await CommandRun.OfAsync(["--help"]);
        Assert.Equal(ExitCodes.Ok, run.ExitCode);
        Assert.Contains(ExitCodes.Help.Split('\n')[^1].Trim(), run.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Examples", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_token_never_shows_in_help()
    {
        CommandRun run = await CommandRun.OfAsync(
            ["add", "--help"], variables: new(StringComparer.Ordinal) { ["DATABUS_TOKEN"] = "dbt_secret" });
        Assert.DoesNotContain("dbt_secret", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_not_waited_for()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var time = new JumpingTime();
        var url = new Uri($"http://127.0.0.1:{port}");
        foreach (string line in new[] { "topics list", "add", "fetch t" })
        {
            CommandRun run = await CommandRun.OfAsync(line.Split(' '), url, new MemoryStream("{}"u8.ToArray()), time: time);
            Assert.Equal(ExitCodes.Unreachable, run.ExitCode);
            Assert.Contains($"127.0.0.1:{port}", run.Error, StringComparison.Ordinal);
        }
        Assert.DoesNotContain(time.Waits, wait => wait > TimeSpan.FromMilliseconds(200));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("{\"topics\":null}")]
    [InlineData("<html></html>")]
    [InlineData("")]
    public async Task Another_program_at_the_address_is_recognised(string body)
    {
        await using FakeServer server = await FakeServer.StartAsync();
        server.Intervene = async (http, _) =>
        {
            await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(body));
            return true;
        };
        foreach (string line in new[] { "topics list", "sources list --json", "fetch t", "add" })
        {
            CommandRun run = await CommandRun.OfAsync(line.Split(' '), server.Url, new MemoryStream("{}"u8.ToArray()));
            Assert.Equal((ExitCodes.Failed, true), (run.ExitCode, run.Error.Length > 0));
        }
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_a_failure_before_anything_is_sent()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        using var folder = new TemporaryFolder();
        CommandRun run = await CommandRun.OfAsync(["add", folder.Write("a.jsonl", "{}"), folder["b.jsonl"]], server.Url);
        Assert.Equal(ExitCodes.Failed, run.ExitCode);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task Serve_gets_options_before_variables_before_defaults()
    {
        ServeOptions? got = null;
        Task<int> Serve(ServeOptions options, CancellationToken stop)
        {
            got = options;
            return Task.FromResult(42);
        }

        Assert.Equal(42, (await CommandRun.OfAsync(["serve"], serve: Serve)).ExitCode);
        Assert.Equal(new ServeOptions("http://127.0.0.1:5001", "./databus-data", "sqlite", "Production"), got);

        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DATABUS_URLS"] = "http://127.0.0.1:1",
            ["DATABUS_DATA"] = "d",
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
        };
        await CommandRun.OfAsync(["serve", "--data", "e"], serve: Serve, variables: variables);
        Assert.Equal(new ServeOptions("http://127.0.0.1:1", "e", "sqlite", "Development"), got);
    }

    [Fact]
    public async Task Dead_letters_are_listed_over_all_pages_and_their_reasons_cannot_paint_the_terminal()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        CommandRun run = await CommandRun.OfAsync(["dead", "list", "t", "s", "--limit", "1000"], server.Url);
        Assert.Equal(251, run.Lines.Length);
        Assert.Contains("bad·[31m news", run.Out, StringComparison.Ordinal);
        CommandRun few = await CommandRun.OfAsync(["dead", "list", "t", "s", "--limit", "120"], server.Url);
        Assert.Equal(121, few.Lines.Length);
    }
}
