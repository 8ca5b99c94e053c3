using Databus.Hosting;
using Databus.Nodes;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Tests.Nodes;

public sealed class NodeHeartTests : IAsyncLifetime
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    private readonly Lifetime _lifetime = new();
    private readonly KeptLog _log = new();
    private readonly List<Warning> _warnings = [];
    private readonly TaskCompletionSource _never = new();

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
            await BeatAsync(failure == 0 ? Beat : AfterFailure, AfterFailure);
        }

        Assert.Equal([LogLevel.Warning], _log.Levels);
        await BeatAsync(AfterFailure, Beat);
        Assert.Equal(_engine.Clock.GetUtcNow(), (await NodeAsync())!.SeenAt);
        Assert.Equal([LogLevel.Warning, LogLevel.Information], _log.Levels);

        _engine.Probe.FailNext(nameof(IStore.HeartbeatAsync), new StoreException(StoreProblem.Unavailable, "gone"));
        await BeatAsync(Beat, AfterFailure);
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

    [Fact(Timeout = Engine.Patience)]
    public async Task One_that_is_never_answered_is_given_again_in_time_for_the_others()
    {
        await _heart.StartAsync();
        _engine.Probe.Answer(nameof(IStore.HeartbeatAsync), () => _engine.Probe.Asked(nameof(IStore.HeartbeatAsync)) == 2 ? _never.Task : Task.CompletedTask);
        await AdvanceAsync(Beat);
        await AdvanceAsync(Patience);
        await BeatAsync(AfterFailure, Beat);
        Assert.Equal(3, _engine.Probe.Asked(nameof(IStore.HeartbeatAsync)));

        // Eight seconds after the last one before it fell out.
        _engine.Clock.Advance(TimeSpan.FromSeconds(2));
        Assert.False(_heart.IsSilent);
        _never.SetResult();
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task A_late_answer_counts_from_when_the_sign_was_given_and_the_next_one_does_not_wait()
    {
        await _heart.StartAsync();
        var late = new TaskCompletionSource();
        _engine.Probe.Answer(nameof(IStore.HeartbeatAsync), () => late.Task);
        await AdvanceAsync(Beat);
        await _engine.Clock.WhenTimerInAsync(Patience);
        _engine.Clock.Advance(TimeSpan.FromSeconds(2));
        late.SetResult();
        await _engine.Clock.WhenTimerInAsync(TimeSpan.FromSeconds(1));
        _engine.Clock.Advance(TimeSpan.FromSeconds(1));
        await _engine.Clock.WhenTimerInAsync(Beat);
        Assert.Equal(3, _engine.Probe.Asked(nameof(IStore.HeartbeatAsync)));
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task Unheard_for_long_it_has_only_a_few_under_way()
    {
        await _heart.StartAsync();
        var answer = new TaskCompletionSource();
        _engine.Probe.Answer(nameof(IStore.HeartbeatAsync), () => answer.Task);
        await AdvanceAsync(Beat);
        for (var round = 0; round < 10; round++)
        {
            await AdvanceAsync(Patience);
            await AdvanceAsync(AfterFailure);
        }

        await _engine.Clock.WhenTimerInAsync(Patience);
        Assert.Equal(1 + 3, _engine.Probe.Asked(nameof(IStore.HeartbeatAsync)));
        Assert.True(_heart.IsSilent);
        Assert.False(_heart.MayJudgeOthers);

        // Heard again, it leaves the others the time for the same.
        answer.SetResult();
        await _engine.Clock.WhenTimerInAsync(Beat);
        Assert.False(_heart.MayJudgeOthers);
        await BeatAsync();
        Assert.False(_heart.IsSilent);
        Assert.True(_heart.MayJudgeOthers);
    }

    [Fact(Timeout = Engine.Patience)]
    public async Task No_goodbye_is_said_that_a_heartbeat_under_way_would_undo()
    {
        await _heart.StartAsync();
        _engine.Probe.Answer(nameof(IStore.HeartbeatAsync), () => _never.Task);
        await AdvanceAsync(Beat);
        await _engine.Clock.WhenTimerInAsync(Patience);
        var stopping = _heart.StopAsync();
        await AdvanceAsync(TimeSpan.FromSeconds(1));
        await stopping;
        Assert.Equal(0, _engine.Probe.Asked(nameof(IStore.RemoveNodeAsync)));
        _never.SetResult();
    }

    private NodeHeart Create() => new(
        _engine.Store, [() => _warnings, () => []], _engine.Clock, _lifetime,
        Options.Create(new DatabusOptions { NodeName = "here", Roles = NodeRoles.Api | NodeRoles.Worker }), _log);

    private async Task<NodeStatus?> NodeAsync() => (await _engine.Store.ListNodesAsync(CancellationToken.None)) is [var node] ? node : null;

    /// <summary>Moves the clock to the next heartbeat, and ends when it has been given and the next one is awaited.</summary>
    private Task BeatAsync() => BeatAsync(Beat, Beat);

    private async Task BeatAsync(TimeSpan wait, TimeSpan next)
    {
        await AdvanceAsync(wait);
        await _engine.Clock.WhenTimerInAsync(next);
    }

    /// <summary>Once somebody waits this long.</summary>
    private async Task AdvanceAsync(TimeSpan wait)
    {
        await _engine.Clock.WhenTimerInAsync(wait);
        _engine.Clock.Advance(wait);
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
