using Databus.Hosting;
using Databus.Jobs;
using Databus.Sqlite;
using Databus.Storage;
using Databus.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Jobs;

/// <summary>A node in a real host on a real store, which outlives it, with probes before the store.</summary>
internal sealed class JobNode : IAsyncDisposable
{
    public const string WorkName = "work";

    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(15);

    private readonly TemporaryFolder _folder = new();
    private readonly IHost _host;
    private SqliteStore? _real;

    private JobNode(Action<IServiceCollection>? configure, Action<JobOptions<Work>>? work, Action<DatabusOptions>? node, TimeProvider? clock)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.SetMinimumLevel(LogLevel.None);
        if (clock is not null)
            builder.Services.AddSingleton(clock);
        builder.Services.AddDatabus(node);
        builder.Services.AddSingleton(Script);
        builder.Services.AddSingleton<IStore>(provider =>
        {
            _real = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, provider.GetRequiredService<TimeProvider>());
            (var store, Probe) = StoreProbe.Before(_real);
            (var jobs, Jobs) = JobStoreProbe.Before(_real.Jobs);
            Probe.Answer("get_Jobs", () => jobs);

            // What was kept is looked at when the node has stopped.
            Probe.Answer(nameof(IAsyncDisposable.DisposeAsync), () => ValueTask.CompletedTask);
            return store;
        });
        if (configure is null)
        {
            builder.Services.AddJob<Work, Done, WorkHandler>(WorkName, WorkJson.Default.Work, WorkJson.Default.Done, work);
            builder.Services.AddJob<Summary, Done, SummaryHandler>("summary", WorkJson.Default.Summary, WorkJson.Default.Done);
        }

        configure?.Invoke(builder.Services);
        _host = builder.Build();
        Store = _host.Services.GetRequiredService<IStore>();
        Client = _host.Services.GetRequiredService<JobClient>();
    }

    public Script Script { get; } = new();

    public IStore Store { get; }

    public JobClient Client { get; }

    public StoreProbe Probe { get; private set; } = null!;

    public JobStoreProbe Jobs { get; private set; } = null!;

    public IServiceProvider Services => _host.Services;

    /// <summary>With the jobs <c>work</c> and <c>summary</c>, unless others are configured.</summary>
    public static async Task<JobNode> StartAsync(
        Action<JobOptions<Work>>? work = null, Action<DatabusOptions>? node = null, TimeProvider? clock = null, Action<IServiceCollection>? configure = null)
    {
        var started = new JobNode(configure, work, node, clock);
        await started._host.StartAsync();
        return started;
    }

    public Task StopAsync() => _host.StopAsync(CancellationToken.None);

    public async Task<long> EnqueueAsync(Work work, EnqueueOptions? options = null) => (await Client.EnqueueAsync(work, options)).Id;

    /// <summary>As it ended.</summary>
    public async Task<JobStatus> EndAsync(long id)
    {
        var job = await Client.WaitAsync(id, Soon, TestContext.Current.CancellationToken);
        Assert.NotNull(job);
        Assert.True(job.State.IsEnd(), $"{job}");
        return job;
    }

    public async Task<JobStatus> FindAsync(long id)
    {
        var job = await Store.Jobs.FindAsync(id, CancellationToken.None);
        Assert.NotNull(job);
        return job;
    }

    public static async Task SoonAsync(Func<bool> condition) =>
        Assert.True(await Deadline.WaitAsync(condition, Soon, TestContext.Current.CancellationToken), "It did not come to pass.");

    public static async Task SoonAsync(Func<Task<bool>> condition) =>
        Assert.True(await Deadline.WaitAsync(condition, Soon, TestContext.Current.CancellationToken), "It did not come to pass.");

    /// <summary>
    /// Moves the clock in small steps until the condition holds. Before the next step those who were woken have the time to
    /// wait again, so that they see nearly every step, however busy the machine is.
    /// </summary>
    public static async Task SoonAsync(FakeClock clock, Func<Task<bool>> condition)
    {
        await SoonAsync(async () =>
        {
            var waiting = clock.ActiveTimers;
            clock.Advance(TimeSpan.FromMilliseconds(500));
            await Task.WhenAny(clock.WhenTimersAsync(waiting), Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None));
            return await condition();
        });
    }

    public async ValueTask DisposeAsync()
    {
        // What waits for a clock that stands still is not waited for.
        using (var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5)))
            await Task.WhenAny(_host.StopAsync(limit.Token), Task.Delay(TimeSpan.FromSeconds(6), CancellationToken.None));
        if (_host is IAsyncDisposable host)
            await host.DisposeAsync();
        if (_real is not null)
            await _real.DisposeAsync();
        _folder.Dispose();
    }
}
