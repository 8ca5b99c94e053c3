using System.Reflection;
using Databus.Hosting;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Databus.Nodes;

/// <summary>
/// This node among the others: who it is, and the signs of life that it gives while the store is open. A heartbeat that
/// fails is tried again; whether the node can work is not judged here.
/// </summary>
public sealed partial class NodeHeart : IDisposable
{
    private static readonly TimeSpan Beat = TimeSpan.FromSeconds(3);

    /// <summary>Somewhat before the others see this node as dead.</summary>
    private static readonly TimeSpan LongestSilence = NodeStatus.SilenceOfTheDead - TimeSpan.FromSeconds(2);

    /// <summary>
    /// What a store does not answer for this long is asked for once more, on another connection: with what comes after, still in
    /// time for the others.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromMilliseconds(500);

    /// <summary>That many at most are without an answer: each holds a connection.</summary>
    private const int MostUnderWay = 3;

    /// <summary>A store that is gone must not hold up the end of the process.</summary>
    private static readonly TimeSpan LongestGoodbye = TimeSpan.FromSeconds(1);

    private readonly IStore _store;
    private readonly NodeTroubles[] _troubles;
    private readonly TimeProvider _time;
    private readonly CancellationToken _draining;
    private readonly DatabusOptions _options;
    private readonly ILogger<NodeHeart> _logger;
    private readonly DateTimeOffset _startedAt;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _answers = new();
    private readonly List<Task> _underWay = [];
    private Task _beating = Task.CompletedTask;
    private bool _isUnheard;
    private long _heardAt;
    private long _silenceEndedAt = long.MinValue;

    public NodeHeart(
        IStore store, IEnumerable<NodeTroubles> troubles, TimeProvider time, IHostApplicationLifetime lifetime,
        IOptions<DatabusOptions> options, ILogger<NodeHeart> logger)
    {
        _store = store;
        _troubles = [.. troubles];
        _time = time;
        _draining = lifetime.ApplicationStopping;
        _options = options.Value;
        _logger = logger;
        _startedAt = time.GetUtcNow();
        _heardAt = time.GetTimestamp() - (time.TimestampFrequency * (long)NodeStatus.SilenceOfTheDead.TotalSeconds);
    }

    /// <summary>The version of Databus that runs here.</summary>
    public static string Version { get; } =
        typeof(NodeHeart).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    /// <summary>Unique to this run of the process.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("n");

    /// <summary>
    /// The last sign of life that the store has heard was given so long ago that the others may see this node as dead, and take
    /// away what is in its hands.
    /// </summary>
    internal bool IsSilent => _time.GetElapsedTime(Volatile.Read(ref _heardAt)) >= LongestSilence;

    /// <summary>The names of the jobs that this node has handlers for. Set before the first sign of life.</summary>
    internal IReadOnlyList<string> JobNames { get; set; } = [];

    /// <summary>Likewise of jobs that workers outside of all nodes ask this one for.</summary>
    internal Func<IReadOnlyList<string>> OutsideNames { get; set; } = static () => [];

    /// <summary>It is silent, or was since: what it had then may be in other hands, though it is heard again.</summary>
    /// <param name="timestamp">Of the clock of this process.</param>
    internal bool WasSilentSince(long timestamp) => IsSilent || Volatile.Read(ref _silenceEndedAt) > timestamp;

    /// <summary>
    /// False: it was not heard itself until a moment ago. Those who fared likewise have not had the time to be heard again, so
    /// nobody is taken for dead.
    /// </summary>
    internal bool MayJudgeOthers => !WasSilentSince(_time.GetTimestamp() - (long)(Beat.TotalSeconds * _time.TimestampFrequency));

    /// <summary>Gives the first sign of life, and from then on one every three seconds. Once the store is open.</summary>
    internal async Task StartAsync()
    {
        var wait = await TellAsync(_stop.Token);
        _beating = BeatAsync(wait, _stop.Token);
    }

    /// <summary>Says goodbye. Before the store is closed.</summary>
    internal async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _beating;

        // One that is still under way could come into force after the goodbye, and bring the node back.
        var last = Task.WhenAll(_underWay);
        await last.WaitAsync(LongestGoodbye, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            if (!last.IsCompleted)
                throw new TimeoutException("The store has not answered the last heartbeat.");
            await _store.RemoveNodeAsync(Id, CancellationToken.None).WaitAsync(LongestGoodbye, _time);
        }
        catch (Exception error)
        {
            // The others see it fall silent instead.
            LogUnheard(error);
        }
    }

    public void Dispose() => _stop.Dispose();

    private async Task BeatAsync(TimeSpan wait, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            // That it drains is told at once.
            using (var pause = CancellationTokenSource.CreateLinkedTokenSource(stop, _draining.IsCancellationRequested ? CancellationToken.None : _draining))
                await Task.Delay(wait, _time, pause.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested)
                wait = await TellAsync(stop);
        }
    }

    /// <summary>Returns after how long the next sign of life is due.</summary>
    private async Task<TimeSpan> TellAsync(CancellationToken stop)
    {
        _underWay.RemoveAll(static sign => sign.IsCompleted);
        if (_underWay.Count < MostUnderWay)
            _underWay.Add(GiveSignAsync(stop));
        try
        {
            await _underWay[^1].WaitAsync(Patience, _time, stop);
            if (_isUnheard)
                LogHeardAgain();
            _isUnheard = false;

            // The others count from when the last one was given, whenever its answer came.
            var passed = _time.GetElapsedTime(Volatile.Read(ref _heardAt));
            return passed < Beat ? Beat - passed : TimeSpan.Zero;
        }
        catch (Exception error)
        {
            // Once for each time of silence: the log would hold nothing else.
            if (!_isUnheard && !stop.IsCancellationRequested)
                LogUnheard(error);
            _isUnheard = true;
            return AfterFailure;
        }
    }

    /// <summary>It counts whenever it is answered, also when it is not waited for any more.</summary>
    private async Task GiveSignAsync(CancellationToken stop)
    {
        var givenAt = _time.GetTimestamp();
        await _store.HeartbeatAsync(
            new NodeReport(
                Id, _options.NodeName, _options.Roles, Version, _startedAt, _draining.IsCancellationRequested,
                [.. _troubles.SelectMany(trouble => trouble())])
            {
                JobNames = [.. JobNames, .. OutsideNames()],
            },
            stop);
        lock (_answers)
        {
            // First that there was a silence, then that it is over.
            if (IsSilent)
                Volatile.Write(ref _silenceEndedAt, _time.GetTimestamp());
            Volatile.Write(ref _heardAt, Math.Max(_heardAt, givenAt));
        }
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Warning, Message = "The store does not hear this node's heartbeat; the other nodes see it fall silent")]
    private partial void LogUnheard(Exception error);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information, Message = "The store hears this node's heartbeat again")]
    private partial void LogHeardAgain();
}
