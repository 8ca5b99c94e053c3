using System.Text.Json.Nodes;
using Databus.Server.CommandLine;

namespace Databus.Server.Tests.CommandLine;

public sealed class SubscriptionTests : IAsyncLifetime
{
    private const string Path = "/api/v1/topics/t/subscriptions/s";

    private FakeServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await FakeServer.StartAsync();
        _server.Append("t", ["{\"a\":1}"]);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("--destination rabbitmq --with queue=ads --with body=content", """{"destination":{"kind":"rabbitmq","queue":"ads","body":"content"}}""")]
    [InlineData("--destination rabbitmq --with queue=1 --with durable:=true --with size:=5 --with note=a=b", """{"destination":{"kind":"rabbitmq","queue":"1","durable":true,"size":5,"note":"a=b"}}""")]
    [InlineData("--destination rabbitmq --paused --lease 5m", """{"leaseSeconds":300,"destination":{"kind":"rabbitmq"},"paused":true}""")]
    [InlineData("--no-destination", """{"destination":null}""")]
    [InlineData("--max-attempts 3", """{"maxAttempts":3}""")]
    public async Task What_is_set_is_what_is_sent(string options, string body)
    {
        CommandRun run = await RunAsync([.. "subscriptions set t s".Split(' '), .. options.Split(' ')]);
        Assert.True(run.ExitCode == ExitCodes.Ok, run.Error);
        FakeRequest request = Assert.Single(_server.Requests);
        Assert.Equal(("PUT", Path, body), (request.Method, request.Path, request.Body));
    }

    [Theory]
    [InlineData("pause", """{"paused":true}""")]
    [InlineData("resume", """{"paused":false}""")]
    public async Task A_pause_looks_first_and_changes_nothing_else(string verb, string body)
    {
        CommandRun run = await RunAsync("subscriptions", verb, "t", "s");
        Assert.True(run.ExitCode == ExitCodes.Ok, run.Error);
        Assert.Equal([("GET", ""), ("PUT", body)], _server.Requests.Select(request => (request.Method, request.Body)));
    }

    [Fact]
    public async Task What_is_not_there_cannot_be_paused()
    {
        _server.Intervene = async (http, request) =>
        {
            await FakeServer.RefuseAsync(http, 404, "There is no subscription s.");
            return true;
        };
        CommandRun run = await RunAsync("subscriptions", "pause", "t", "s");
        Assert.NotEqual(ExitCodes.Ok, run.ExitCode);
        Assert.Contains("There is no subscription s.", run.Error, StringComparison.Ordinal);
        Assert.Equal("GET", Assert.Single(_server.Requests).Method);
    }

    [Fact]
    public async Task Destination_and_pause_are_shown()
    {
        await RunAsync([.. "subscriptions set t s --destination rabbitmq --with queue=ads --paused".Split(' ')]);
        CommandRun list = await RunAsync("subscriptions", "list");
        Assert.EndsWith("rabbitmq queue=ads, paused", list.Lines[1].TrimEnd(), StringComparison.Ordinal);
        CommandRun show = await RunAsync("subscriptions", "show", "t", "s");
        Assert.Contains(show.Lines, line => line.StartsWith("destination", StringComparison.Ordinal) && line.EndsWith("rabbitmq queue=ads", StringComparison.Ordinal));
        Assert.Contains(show.Lines, line => line.StartsWith("paused", StringComparison.Ordinal) && line.EndsWith("yes", StringComparison.Ordinal));
        CommandRun json = await RunAsync("subscriptions", "show", "t", "s", "--json");
        Assert.Equal("rabbitmq", (string?)JsonNode.Parse(json.Out)!["destination"]!["kind"]);
    }

    [Fact]
    public async Task A_server_that_knows_no_destinations_is_shown_all_the_same()
    {
        await RunAsync("subscriptions", "set", "t", "s");
        CommandRun list = await RunAsync("subscriptions", "list");
        Assert.EndsWith("-", list.Lines[1].TrimEnd(), StringComparison.Ordinal);
    }

    private Task<CommandRun> RunAsync(params string[] args) => CommandRun.OfAsync(args, _server.Url);
}
