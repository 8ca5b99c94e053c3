using System.Text.Json;
using Databus.Nodes;
using Databus.Storage;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.AspNetCore.Tests.Nodes;

public sealed class NodeTests : IAsyncLifetime
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly FakeClock _clock = new();
    private readonly List<Warning> _warnings = [];
    private DatabusApp? _app;

    private DatabusApp App => _app!;

    public async ValueTask InitializeAsync() => _app = await DatabusApp.StartAsync(new AppSetup
    {
        Clock = _clock,
        Node = node => node.NodeName = "here",
        Services = services => services.AddSingleton<NodeTroubles>(() => _warnings),
    });

    public ValueTask DisposeAsync() => App.DisposeAsync();

    [Fact]
    public async Task A_node_that_runs_alone_lists_itself()
    {
        var node = Assert.Single((await App.GetAsync("/api/v1/nodes")).List("nodes"));

        Assert.Equal(
            ["id", "name", "roles", "version", "startedAt", "seenAt", "state", "isThis", "warnings"],
            node.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("here", "alive", true), (Text(node, "name"), Text(node, "state"), node.GetProperty("isThis").GetBoolean()));
        Assert.Equal(["api", "worker", "collector", "scheduler"], node.GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        Assert.Equal("2026-03-01T12:00:00.000Z", Text(node, "startedAt"));
    }

    [Fact]
    public async Task Others_are_alive_draining_or_silent()
    {
        await BeatAsync("b");
        _clock.Advance(NodeStatus.SilenceOfTheDead);
        await BeatAsync("c", isDraining: true, new Warning("circuit-open", "The broker is away."));

        var nodes = (await App.GetAsync("/api/v1/nodes")).List("nodes").Where(node => !node.GetProperty("isThis").GetBoolean()).ToList();

        Assert.Equal([("b", "silent"), ("c", "draining")], nodes.Select(node => (Text(node, "name"), Text(node, "state"))));
        Assert.Equal(["api", "worker"], nodes[0].GetProperty("roles").EnumerateArray().Select(role => role.GetString()));
        var warning = Assert.Single(nodes[1].GetProperty("warnings").EnumerateArray());
        Assert.Equal(("circuit-open", "The broker is away."), (Text(warning, "code"), Text(warning, "message")));
    }

    [Fact]
    public async Task The_overview_tells_what_troubles_each_node_that_is_alive_and_who_is_missing()
    {
        _warnings.Add(new Warning("circuit-open", "The broker is away."));
        await WhenOverviewAsync(("circuit-open", "The broker is away."));
        Assert.Equal(1, (await App.GetAsync("/api/v1/overview")).Number("nodes"));

        await BeatAsync("there", isDraining: false, new Warning("late", "It is late."));
        await WhenOverviewAsync(("circuit-open", "here: The broker is away."), ("late", "there: It is late."));
        Assert.Equal(2, (await App.GetAsync("/api/v1/overview")).Number("nodes"));

        await PassAsync(NodeStatus.SilenceOfTheDead);
        await WhenOverviewAsync(
            ("circuit-open", "The broker is away."), ("node-silent", "Node there fell silent without a goodbye; it was last seen at 2026-03-01T12:00:03.000Z."));

        await PassAsync(TimeSpan.FromHours(1));
        await WhenOverviewAsync(("circuit-open", "The broker is away."));
    }

    [Fact]
    public async Task Who_said_goodbye_or_was_started_again_is_not_missing()
    {
        await BeatAsync("gone");
        await App.Service<IStore>().RemoveNodeAsync("gone", CancellationToken.None);
        await BeatAsync("again");
        await PassAsync(NodeStatus.SilenceOfTheDead);
        await BeatAsync("again", id: "2");

        await WhenOverviewAsync();
        Assert.Equal(2, (await App.GetAsync("/api/v1/overview")).Number("nodes"));
    }

    [Fact]
    public async Task A_node_without_the_role_api_answers_only_whether_it_is_well()
    {
        await using var worker = await DatabusApp.StartAsync(new AppSetup { Node = node => node.Roles = NodeRoles.Worker | NodeRoles.Scheduler });

        foreach (var path in (string[])["/health/live", "/health/ready"])
            Assert.Equal("""{"status":"ok"}""", (await worker.GetAsync(path)).Text);
        foreach (var path in (string[])["/", "/topics", "/fetch", "/api/v1/topics", "/openapi/v1.json", "/nowhere", "/favicon.svg"])
            Assert.Contains("role api", (await worker.GetAsync(path)).MustBeProblem(404, "no-api").Error, StringComparison.Ordinal);
        (await worker.PostAsync("/add", "{}")).MustBeProblem(404, "no-api");
        (await worker.PostAsync("/health/live")).MustBeProblem(405, "method");
    }

    [Fact]
    public async Task What_a_node_has_no_role_for_it_leaves_to_others()
    {
        await using var api = await DatabusApp.StartAsync(new AppSetup { Node = node => node.Roles = NodeRoles.Api });

        var running = api.Service<IEnumerable<Microsoft.Extensions.Hosting.IHostedService>>().Select(service => service.GetType().Name).ToList();

        Assert.DoesNotContain("PurgeLoop", running);
        Assert.DoesNotContain("SourcePlanner", running);
        Assert.DoesNotContain("Dispatcher", running);
        Assert.DoesNotContain("JobWorker", running);
        var all = App.Service<IEnumerable<Microsoft.Extensions.Hosting.IHostedService>>().Select(service => service.GetType().Name).ToList();
        Assert.Contains("PurgeLoop", all);
        Assert.Contains("SourcePlanner", all);
    }

    private Task BeatAsync(string name, bool isDraining = false, Warning? warning = null, string? id = null) =>
        App.Service<IStore>().HeartbeatAsync(
            new NodeReport(id ?? name, name, NodeRoles.Api | NodeRoles.Worker, "1.0.0", _clock.GetUtcNow(), isDraining, warning is null ? [] : [warning]),
            CancellationToken.None);

    /// <summary>At least this long, heartbeat by heartbeat, as the store has to answer each before the next is due.</summary>
    private async Task PassAsync(TimeSpan time)
    {
        for (var end = _clock.GetUtcNow() + time; _clock.GetUtcNow() < end;)
        {
            await _clock.WhenTimerInAsync(Beat).WaitAsync(Patience);
            _clock.Advance(Beat);
        }
    }

    /// <summary>This node's own warnings come with its next heartbeat.</summary>
    private async Task WhenOverviewAsync(params (string Code, string Message)[] expected)
    {
        using var limit = new CancellationTokenSource(Patience);
        await PassAsync(Beat);
        (string?, string?)[] got = [];
        while (!limit.IsCancellationRequested)
        {
            got = [.. (await App.GetAsync("/api/v1/overview")).List("warnings").Select(warning => (Text(warning, "code"), Text(warning, "message")))];
            if (got.SequenceEqual([.. expected.Select(warning => ((string?)warning.Code, (string?)warning.Message))]))
                return;
        }

        Assert.Equal(expected.Select(warning => ((string?)warning.Code, (string?)warning.Message)), got);
    }

    private static string? Text(JsonElement element, string member) => element.GetProperty(member).GetString();
}
