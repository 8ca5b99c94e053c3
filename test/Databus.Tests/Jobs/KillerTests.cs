using Databus.Hosting;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Jobs;

/// <summary>A job that kills its process every time, among others that do not.</summary>
public sealed class KillerTests : IAsyncLifetime
{
    private const int Killer = 4;
    private const int Neighbours = 24;

    private readonly Script _script = new();
    private Engine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await Engine.StartAsync();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact(Timeout = 3 * Engine.Patience)]
    public async Task Only_the_killer_has_failed_in_the_end()
    {
        var ids = new List<long>();
        MortalNode? node = null;
        var kills = 0;
        _script.Do = async (work, _, stop) =>
        {
            // It lives long enough for its neighbours to be there, and they live longer than it.
            await Task.Delay(TimeSpan.FromSeconds(work.Number == Killer ? 1 : 3), _engine.Clock, stop);
            if (work.Number != Killer)
                return new Done("");
            Interlocked.Increment(ref kills);
            node!.Kill();
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
            return new Done("");
        };

        for (var lives = 1; ids.Count == 0 || await AnyLeftAsync(ids); lives++)
        {
            Assert.InRange(lives, 1, 10);
            await using var living = node = new MortalNode(_engine, _script);
            await living.StartAsync();
            if (ids.Count == 0)
            {
                foreach (var number in Enumerable.Range(1, Neighbours + 1))
                    ids.Add((await living.Client.EnqueueAsync(new Work(number))).Id);
            }

            await JobNode.SoonAsync(_engine.Clock, async () => living.IsKilled || !await AnyLeftAsync(ids));
        }

        var ends = new List<JobStatus?>();
        foreach (var id in ids)
            ends.Add(await _engine.Store.Jobs.FindAsync(id, CancellationToken.None));
        var failed = Assert.Single(ends, job => job!.State != JobState.Succeeded)!;
        Assert.Equal((ids[Killer - 1], JobState.Failed, 4), (failed.Id, failed.State, kills));
        Assert.Contains("4 times in a row", failed.Error, StringComparison.Ordinal);
        Assert.True(ends.Count(job => job!.Attempt > 3) > 3, "No neighbour was lost three times, so this has shown nothing.");
    }

    private async Task<bool> AnyLeftAsync(List<long> ids)
    {
        var counts = (await _engine.Store.Jobs.ListQueuesAsync(CancellationToken.None)).Where(queue => queue.Name == NewJob.DefaultQueue).ToList();
        return ids.Count == 0 || counts.Exists(queue => queue.Counts.Values.Sum() > 0);
    }

    /// <summary>A node in a real host, on a store that outlives it. Killed, it does and says nothing more.</summary>
    private sealed class MortalNode : IAsyncDisposable
    {
        private readonly IHost _host;
        private readonly StoreProbe _probe;
        private readonly JobStoreProbe _jobs;

        public MortalNode(Engine engine, Script script)
        {
            var builder = Host.CreateEmptyApplicationBuilder(settings: null);
            builder.Logging.SetMinimumLevel(LogLevel.None);
            (var store, _probe) = StoreProbe.Before(engine.Store);
            (var jobs, _jobs) = JobStoreProbe.Before(engine.Store.Jobs);
            _probe.Answer("get_Jobs", () => jobs);
            _probe.Answer(nameof(IStore.OpenAsync), () => Task.CompletedTask);
            _probe.Answer(nameof(IAsyncDisposable.DisposeAsync), () => ValueTask.CompletedTask);
            builder.Services.AddSingleton<TimeProvider>(engine.Clock);
            builder.Services.AddDatabus(node =>
            {
                node.Roles = NodeRoles.Worker;
                node.JobConcurrency = 8;
                node.JobDrainTime = TimeSpan.Zero;
            });
            builder.Services.AddSingleton(script);
            builder.Services.AddSingleton(store);
            builder.Services.AddJob<Work, Done, WorkHandler>(JobNode.WorkName, WorkJson.Default.Work, WorkJson.Default.Done);
            _host = builder.Build();
            Client = _host.Services.GetRequiredService<JobClient>();
        }

        public JobClient Client { get; }

        public bool IsKilled { get; private set; }

        public Task StartAsync() => _host.StartAsync();

        public void Kill()
        {
            var dead = new StoreException(StoreProblem.Stopped, "dead");
            foreach (var verb in typeof(IJobStore).GetMethods().Select(method => method.Name).Where(name => name.EndsWith("Async", StringComparison.Ordinal)))
                _jobs.Refuse(verb, _ => dead);
            _probe.Answer(nameof(IStore.HeartbeatAsync), () => Task.FromException(dead));
            _probe.Answer(nameof(IStore.RemoveNodeAsync), () => Task.FromException(dead));
            IsKilled = true;
        }

        public async ValueTask DisposeAsync()
        {
            // What waits for a clock that stands still is not waited for.
            using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2)))
                await Task.WhenAny(_host.StopAsync(limit.Token), Task.Delay(TimeSpan.FromSeconds(3), CancellationToken.None));
            _host.Dispose();
        }
    }
}
