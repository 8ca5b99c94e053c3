using Databus.Hosting;
using Databus.Nodes;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Tests.Nodes;

public sealed class NodeHeartTests : IAsyncLifetime
{
    private readonly Lifetime _lifetime = new();
    private readonly KeptLog _log = new();
    private readonly List<Warning> _warnings = [];

    private Engine _engine = null!;
    private NodeHeart _heart = null!;

    public async ValueTask InitializeAsync()
    {
        _engine = await Engine.StartAsync();
        _heart = Create();
    }

    public async ValueTask DisposeAsync()
    {
        await _heart.StopAsync();
        _heart.Dispose();
        await _engine.DisposeAsync();
        _lifetime.Dispose();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Once_started_it_is_known_and_after_the_end_it_is_gone()
    {
        await _heart.StartAsync();
        var report = (await NodeAsync())!.Report;
        Assert.Equal((_heart.Id, "here", NodeRoles.Api | NodeRoles.Worker), (report.Id, report.Name, report.Roles));
        Assert.Equal((NodeHeart.Version, _engine.Clock.GetUtcNow(), false), (report.Version, report.StartedAt, report.IsDraining));
        await _heart.StopAsync();
        Assert.Null(await NodeAsync());
    }

    [Fact]
    public void Each_run_has_an_id_of_its_own()
    {
        using var other = Create();
        Assert.NotEqual(_heart.Id, other.Id);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task It_goes_on_saying_that_it_lives_and_what_troubles_it()
    {
        await _heart.StartAsync();
        for (var beat = 0; beat < 5; beat++)
        {
            _warnings.Add(new Warning($"w{beat}", "Something."));
            await BeatAsync();
            var node = await NodeAsync();
            Assert.Equal((true, _engine.Clock.GetUtcNow(), beat + 1), (node!.IsAlive, node.SeenAt, node.Report.Warnings.Count));
        }
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task That_it_drains_is_told_at_once()
    {
        await _heart.StartAsync();
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(3));
        _lifetime.StopApplication();
        await WhenAsync(async () => (await NodeAsync())!.Report.IsDraining);

        // And it goes on: requests under way may take their time.
        await BeatAsync();
        Assert.Equal((true, _engine.Clock.GetUtcNow()), ((await NodeAsync())!.Report.IsDraining, (await NodeAsync())!.SeenAt));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_does_not_hear_it_is_told_of_once_and_tried_again()
    {
        await _heart.StartAsync();
        for (var failure = 0; failure < 3; failure++)
        {
            _engine.Probe.FailNext(nameof(IStore.HeartbeatAsync), new StoreException(StoreProblem.Unavailable, "gone"));
            await BeatAsync();
        }

        Assert.Equal([LogLevel.Warning], _log.Levels);
        await BeatAsync();
        Assert.Equal(_engine.Clock.GetUtcNow(), (await NodeAsync())!.SeenAt);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], _log.Levels);

        _engine.Probe.FailNext(nameof(IStore.HeartbeatAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await BeatAsync();
        Assert.Equal([LogLevel.Warning, LogLevel.Information, LogLevel.Warning], _log.Levels);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_store_that_is_gone_does_not_keep_it_from_starting_and_ending()
    {
        _engine.Probe.FailNext(nameof(IStore.HeartbeatAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await _heart.StartAsync();
        _engine.Probe.FailNext(nameof(IStore.RemoveNodeAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await _heart.StopAsync();
    }

    private NodeHeart Create() => new(
        _engine.Store, [() => _warnings, () => []], _engine.Clock, _lifetime,
        Options.Create(new DatabusOptions { NodeName = "here", Roles = NodeRoles.Api | NodeRoles.Worker }), _log);

    private async Task<NodeStatus?> NodeAsync() => (await _engine.Store.ListNodesAsync(CancellationToken.None)) is [var node] ? node : null;

    /// <summary>Moves the clock to the next heartbeat, and ends when it has been given and the next one is awaited.</summary>
    private async Task BeatAsync()
    {
        var interval = TimeSpan.FromSeconds(3);
        await _engine.Clock.WhenTimerInAsync(interval);
        _engine.Clock.Advance(interval);
        await _engine.Clock.WhenTimerInAsync(interval);
    }

    private static async Task WhenAsync(Func<Task<bool>> condition)
    {
        // The test's time limit ends a wait in vain.
        while (!await condition())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private sealed class Lifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource _stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => _stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => _stopping.Cancel();

        public void Dispose() => _stopping.Dispose();
    }

    private sealed class KeptLog : ILogger<NodeHeart>
    {
        public List<LogLevel> Levels { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Levels.Add(logLevel);
    }
}
