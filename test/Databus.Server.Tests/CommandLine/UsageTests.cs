using System.Net;
using System.Net.Sockets;
using System.Text;
using Databus.Nodes;
using Databus.Server.CommandLine;
using Databus.Testing;
using Microsoft.AspNetCore.Http;

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
    [InlineData("subscriptions set t s --destination rabbitmq --no-destination")]
    [InlineData("subscriptions set t s --with queue=ads")]
    [InlineData("subscriptions set t s --destination rabbitmq --with queue")]
    [InlineData("subscriptions set t s --destination rabbitmq --with =ads")]
    [InlineData("subscriptions set t s --destination rabbitmq --with kind=ads")]
    [InlineData("subscriptions set t s --destination rabbitmq --with size:=big")]
    [InlineData("subscriptions pause t")]
    [InlineData("sources add news ftp://example.org/feed")]
    [InlineData("add --resume")]
    [InlineData("add - -")]
    [InlineData("add --format xml")]
    [InlineData("add --delimiter ab")]
    [InlineData("topics list --url ftp://example.org")]
    [InlineData("serve --environment Staging")]
    [InlineData("serve --roles api,cook")]
    [InlineData("serve --roles ,")]
    [InlineData("serve --store mysql://db")]
    [InlineData("doctor --store oracle")]
    [InlineData("nodes extra")]
    [InlineData("jobs")]
    [InlineData("jobs show")]
    [InlineData("jobs show ../1")]
    [InlineData("jobs show x")]
    [InlineData("jobs list --state asleep")]
    [InlineData("jobs list --enqueued-after someday")]
    [InlineData("jobs list --older-than long")]
    [InlineData("jobs enqueue")]
    [InlineData("jobs enqueue a/b")]
    [InlineData("jobs enqueue a --priority top")]
    [InlineData("jobs enqueue a --max-attempts 0")]
    [InlineData("jobs cancel")]
    [InlineData("jobs retry x")]
    [InlineData("jobs delete 1 --all")]
    [InlineData("jobs delete --queue q --all")]
    [InlineData("queues limit q")]
    [InlineData("queues limit q --max-running 1 --none")]
    [InlineData("queues limit q --max-starts 5")]
    [InlineData("schedules put s --every 5m --cron x")]
    [InlineData("schedules put s --every 5m --zone Europe/Berlin")]
    [InlineData("schedules put s --every 5m --arguments {}")]
    [InlineData("schedules put s --every 5m --job a --overlap never")]
    [InlineData("schedules preview")]
    [InlineData("schedules preview s --every 5m")]
    [InlineData("serve --job-concurrency 0")]
    [InlineData("serve --job-queues a,,b")]
    [InlineData("worker --roles api")]
    [InlineData("worker --job-concurrency many")]
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
    [InlineData("subscriptions set")]
    [InlineData("subscriptions rewind")]
    [InlineData("dead replay")]
    [InlineData("sources add")]
    [InlineData("nodes")]
    [InlineData("worker")]
    [InlineData("jobs list")]
    [InlineData("jobs enqueue")]
    [InlineData("jobs cancel")]
    [InlineData("jobs retry")]
    [InlineData("jobs delete")]
    [InlineData("queues limit")]
    [InlineData("schedules put")]
    [InlineData("schedules preview")]
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
        CommandRun run = await CommandRun.OfAsync(["add", folder.Write("a.jsonl", "{}"), folder.File("b.jsonl")], server.Url);
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
        Assert.Equal(
            new ServeOptions(
                "http://127.0.0.1:5001", StoreLocation.Read("sqlite", "./databus-data"), "Production", NodeRoles.All, Environment.MachineName),
            got);

        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["DATABUS_URLS"] = "http://127.0.0.1:1",
            ["DATABUS_DATA"] = "d",
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["DATABUS_STORE"] = "postgres://db/databus",
            ["DATABUS_ROLES"] = "worker, api",
            ["DATABUS_NAME"] = "alpha",
        };
        await CommandRun.OfAsync(["serve", "--data", "e", "--name", "beta"], serve: Serve, variables: variables);
        Assert.Equal(
            new ServeOptions(
                "http://127.0.0.1:1", StoreLocation.Read("postgres://db/databus", "e"), "Development", NodeRoles.Api | NodeRoles.Worker, "beta"),
            got);
    }

    [Fact]
    public async Task A_worker_is_a_node_that_only_works_and_says_on_a_port_of_its_own_that_it_is_well()
    {
        ServeOptions? got = null;
        Task<int> Serve(ServeOptions options, CancellationToken stop)
        {
            got = options;
            return Task.FromResult(0);
        }

        var variables = new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_ROLES"] = "api", ["DATABUS_JOB_QUEUES"] = "a" };
        await CommandRun.OfAsync(["worker", "--job-queues", "pages, mail", "--job-concurrency", "16"], serve: Serve, variables: variables);
        Assert.Equal((NodeRoles.Worker, "http://127.0.0.1:0", 16), (got!.Roles, got.Urls, got.JobConcurrency));
        Assert.Equal(["pages", "mail"], got.JobQueues);
        await CommandRun.OfAsync(["serve"], serve: Serve, variables: variables);
        Assert.Equal((NodeRoles.Api, (int?)null), (got.Roles, got.JobConcurrency));
        Assert.Equal(["a"], got.JobQueues);
    }

    [Fact]
    public async Task Who_waits_for_a_job_sees_its_progress_and_its_result_through_a_pause_of_the_server()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        const string Job = """{"id":"7","name":"a","queue":"q","state":"STATE","arguments":{},"attempt":1,"maxAttempts":10,"progress":0.5,"message":"half\u001b","result":5,"cancelRequested":false}""";
        server.Intervene = async (http, request) =>
        {
            if (server.Requests.Count == 3)
            {
                await FakeServer.RefuseAsync(http, 503, "Busy.", retryAfter: 1);
                return true;
            }
            http.Response.StatusCode = server.Requests.Count < 5 ? 202 : 200;
            await http.Response.WriteAsync(Job.Replace("STATE", server.Requests.Count < 5 ? "running" : "succeeded", StringComparison.Ordinal));
            return true;
        };

        CommandRun run = await CommandRun.OfAsync(["jobs", "enqueue", "a", "--arguments", "[]", "--wait"], server.Url, time: new JumpingTime());

        Assert.Equal(ExitCodes.Ok, run.ExitCode);
        Assert.Equal(("/api/v1/jobs/a", "[]", "application/json"), (server.Requests[0].Path, server.Requests[0].Body, server.Requests[0].ContentType));
        Assert.Contains(run.Lines, line => line.StartsWith("result ", StringComparison.Ordinal) && line.EndsWith(" 5", StringComparison.Ordinal));
        Assert.StartsWith("running 50 % half·", run.Error, StringComparison.Ordinal);
        Assert.Equal(5, server.Requests.Count);
    }

    [Theory]
    [InlineData("DATABUS_JOB_CONCURRENCY", "many")]
    [InlineData("DATABUS_JOB_QUEUES", "a b")]
    [InlineData("DATABUS_ROLES", "")]
    [InlineData("DATABUS_ROLES", "api,cook")]
    [InlineData("DATABUS_NAME", " ")]
    [InlineData("DATABUS_STORE", "mysql://db")]
    public async Task What_a_variable_says_is_judged_as_an_option_is(string name, string value)
    {
        CommandRun run = await CommandRun.OfAsync(["serve"], variables: new(StringComparer.Ordinal) { [name] = value });
        Assert.Equal((ExitCodes.WrongUsage, ""), (run.ExitCode, run.Out));
    }

    [Fact]
    public async Task A_refused_role_is_told_which_there_are()
    {
        CommandRun run = await CommandRun.OfAsync(["serve", "--roles", "cook"]);
        Assert.Contains("api,worker,collector,scheduler", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_nodes_are_listed_with_what_troubles_them()
    {
        await using FakeServer server = await FakeServer.StartAsync();
        CommandRun run = await CommandRun.OfAsync(["nodes"], server.Url);
        Assert.Equal(4, run.Lines.Length);
        Assert.StartsWith("beta     silent  worker  ", run.Lines[2], StringComparison.Ordinal);
        Assert.Equal("beta: The broker·[31m is away.", run.Lines[3]);
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
