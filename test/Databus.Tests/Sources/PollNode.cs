using System.Collections.Concurrent;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Sources;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Tests.Sources;

/// <summary>
/// A node that collects, on a store that others may share: its planner as it is, and its jobs without heartbeat and rescue, so
/// that the clock may stand still or jump.
/// </summary>
internal sealed class PollNode : IAsyncDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromDays(1);

    private readonly IStore _store;
    private readonly ServiceProvider _services;
    private readonly JobRunner _runner;
    private readonly JobReports _reports;
    private readonly WakeUp _claimable;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<JobRun, Task> _running = new();
    private Task _claiming = Task.CompletedTask;

    private PollNode(Engine engine, Action<IServiceCollection> configure)
    {
        _store = engine.Store;
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton<TimeProvider>(engine.Clock)
            .AddDatabus()
            .AddSingleton(_store);
        configure(services);
        _services = services.BuildServiceProvider();
        _runner = _services.GetRequiredService<JobRunner>();
        _reports = _services.GetRequiredService<JobReports>();
        _claimable = new WakeUp(engine.Clock);
        Planner = _services.GetRequiredService<SourcePlanner>();
    }

    public SourcePlanner Planner { get; }

    public static async Task<PollNode> StartAsync(Engine engine, Action<IServiceCollection> configure)
    {
        var node = new PollNode(engine, configure);
        node._store.Jobs.Claimable += node.Wake;
        node._claiming = node.ClaimAsync();
        await node.Planner.StartAsync(CancellationToken.None);
        return node;
    }

    public async ValueTask DisposeAsync()
    {
        await Planner.StopAsync(CancellationToken.None);
        await _stop.CancelAsync();
        await _claiming;
        _store.Jobs.Claimable -= Wake;
        foreach (var run in _running.Keys)
            run.Stop(StopReason.NodeStops);
        await Task.WhenAll(_running.Values);
        _stop.Dispose();

        // The store is the engine's.
        Planner.Dispose();
    }

    private void Wake(string? queue) => _claimable.Set();

    private async Task ClaimAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            if (PollSource.MostAtOnce - _running.Count is > 0 and var room)
            {
                foreach (var job in (await _store.Jobs.ClaimAsync(new JobClaim("node", [PollSource.Queue], room, Lease), CancellationToken.None)).Jobs)
                {
                    var run = _runner.Prepare(job, askedAt: 0);
                    var ended = new TaskCompletionSource();
                    _running[run] = ended.Task;
                    _ = RunAsync(run, ended);
                }
            }

            await _claimable.WaitAsync(Timeout.InfiniteTimeSpan, _stop.Token);
        }
    }

    private async Task RunAsync(JobRun run, TaskCompletionSource ended)
    {
        await Task.Yield();
        var completion = await _runner.RunAsync(run);
        await _reports.KeepAsync([run], CancellationToken.None);
        await _store.Jobs.CompleteAsync([completion], CancellationToken.None);
        run.Dispose();
        _running.TryRemove(run, out _);
        ended.SetResult();
        _claimable.Set();
    }
}
