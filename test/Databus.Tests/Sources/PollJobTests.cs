using Databus.Hosting;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Testing;
using Databus.Tests.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Sources;

/// <summary>Who runs the polls of sources, and what becomes of those of a node that died.</summary>
public sealed class PollJobTests : IAsyncLifetime
{
    private static readonly SourceSettings News = new("news", "scripted", "letters", new Uri("https://example.org/feed"));

    private readonly ScriptedKind _kind = new(ScriptedKind.Read("etag-1", 1));
    private JobNode? _node;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await _node.DisposeAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_node_that_only_collects_runs_polls_and_nothing_else()
    {
        var node = await StartAsync(NodeRoles.Collector);
        var work = (await node.Store.Jobs.EnqueueAsync([new NewJob(PollSource.JobName, """{"source":"news"}"""u8.ToArray())], CancellationToken.None))[0].Id;
        await PutAsync(node, News);
        await PolledAsync(node);
        Assert.Equal(JobState.Waiting, (await node.FindAsync(work)).State);
        Assert.Equal([PollSource.JobName], Assert.Single(await node.Store.ListNodesAsync(CancellationToken.None)).Report.JobNames);
    }

    [Theory(Timeout = Engine.Patience)]
    [InlineData(null)]
    [InlineData("default", "sources")]
    public async Task A_node_that_does_not_collect_leaves_polls_alone(params string[]? queues)
    {
        var node = await StartAsync(NodeRoles.All & ~NodeRoles.Collector, options => options.JobQueues = queues);
        await PutAsync(node, News);
        var poll = await node.Client.EnqueueAsync(new PollSource("news"));
        var elsewhere = (await node.Store.Jobs.EnqueueAsync([new NewJob(PollSource.JobName, """{"source":"unknown"}"""u8.ToArray())], CancellationToken.None))[0];
        Assert.Equal(JobState.Succeeded, (await node.EndAsync(elsewhere.Id)).State);
        Assert.Equal(JobState.Waiting, (await node.FindAsync(poll.Id)).State);
        Assert.Equal(0, _kind.Polls);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Polls_and_other_jobs_take_no_room_from_each_other()
    {
        var held = new TaskCompletionSource();
        _kind.Until = held.Task;
        var node = await StartAsync(NodeRoles.All, options => options.JobConcurrency = 1, withWork: true);
        for (var number = 0; number < PollSource.MostAtOnce + 1; number++)
            await PutAsync(node, News with { Name = $"news-{number}" });
        for (var number = 0; number < PollSource.MostAtOnce; number++)
            await _kind.NextRequestAsync();
        Assert.Equal(JobState.Succeeded, (await node.EndAsync(await node.EnqueueAsync(new Work(1)))).State);
        Assert.Equal(PollSource.MostAtOnce, _kind.Polls);

        node.Script.Do = async (_, _, stop) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            return new Done("");
        };
        await node.EnqueueAsync(new Work(2));
        await node.EnqueueAsync(new Work(3));
        await JobNode.SoonAsync(() => node.Script.Started.Count == 2);
        held.SetResult();
        await _kind.NextRequestAsync();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task What_a_dead_node_was_polling_is_polled_here_within_15_seconds()
    {
        var clock = new FakeClock();
        var node = await StartAsync(NodeRoles.Collector, clock: clock);
        node.Jobs.Refuse(nameof(IJobStore.ClaimAsync), static args => ((JobClaim)args[0]!).Owner == "dead" ? null : new StoreException(StoreProblem.Busy, "busy"));
        await PutAsync(node, News);
        ClaimedJob? claimed = null;
        await JobNode.SoonAsync(clock, async () =>
        {
            var report = new NodeReport("dead", "dead", NodeRoles.Collector, "1.0", clock.GetUtcNow(), IsDraining: false, []);
            await node.Store.HeartbeatAsync(report, CancellationToken.None);
            claimed = (await node.Store.Jobs.ClaimAsync(new JobClaim("dead", [PollSource.Queue], 1), CancellationToken.None)).Jobs is [var job] ? job : null;
            return claimed is not null;
        });
        var diedAt = clock.GetUtcNow();
        node.Jobs.Heal(nameof(IJobStore.ClaimAsync));
        await JobNode.SoonAsync(clock, () => Task.FromResult(_kind.Polls == 1));
        Assert.InRange(clock.GetUtcNow() - diedAt, NodeStatus.SilenceOfTheDead, TimeSpan.FromSeconds(15));
        var lost = await node.FindAsync(claimed!.Token.Id);
        Assert.Equal((JobState.Failed, JobErrors.Silent("dead")), (lost.State, lost.Error));
        Assert.Single(await node.Store.Jobs.CompleteAsync([new JobCompletion(claimed.Token, JobOutcome.Succeeded)], CancellationToken.None));
        await PolledAsync(node);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_poll_that_a_stop_interrupts_uses_up_nothing_and_stays_due()
    {
        _kind.Until = new TaskCompletionSource().Task;
        var node = await StartAsync(NodeRoles.Collector, options => options.JobDrainTime = TimeSpan.Zero);
        await PutAsync(node, News);
        await _kind.NextRequestAsync();
        await node.StopAsync();
        var source = Assert.Single(await node.Store.ListSourcesAsync("news", CancellationToken.None));
        Assert.Equal((null, false, 0), (source.LastPolledAt, source.IsPolling, source.Failures));
        var job = await node.FindAsync(source.PollJobId!.Value);
        Assert.Equal((JobState.Waiting, 0), (job.State, job.Attempt));
    }

    private static async Task PutAsync(JobNode node, SourceSettings source)
    {
        await node.Store.PutSourceAsync(source, CancellationToken.None);
        node.Services.GetRequiredService<SourcePlanner>().Changed();
    }

    private static Task PolledAsync(JobNode node) => JobNode.SoonAsync(async () =>
        Assert.Single(await node.Store.ListSourcesAsync("news", CancellationToken.None)) is { LastPolledAt: not null, PollJobId: null });

    private async Task<JobNode> StartAsync(NodeRoles roles, Action<DatabusOptions>? options = null, FakeClock? clock = null, bool withWork = false) =>
        _node = await JobNode.StartAsync(
            node: node =>
            {
                node.Roles = roles;
                options?.Invoke(node);
            },
            clock: clock,
            configure: services =>
            {
                services.AddSingleton<ISourceKind>(_kind);
                if (withWork)
                    services.AddJob<Work, Done, WorkHandler>(JobNode.WorkName, WorkJson.Default.Work, WorkJson.Default.Done);
            });
}
