using System.Globalization;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Telemetry;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Destinations;

/// <summary>
/// Pushes every subscription that has a destination, over and over at least once (P4). A destination that is not there
/// costs no attempts and no other subscription anything; what it refuses is tried later each time and becomes a dead
/// letter in the end.
/// </summary>
/// <remarks>
/// When the host stops, nothing more is fetched, sends under way have 5 s to end, and what was not sent is given back
/// at once, for another node.
/// </remarks>
public sealed partial class Dispatcher : BackgroundService, IHostedLifecycleService
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(5);

    private readonly IStore _store;
    private readonly Fetcher _fetcher;
    private readonly Dictionary<string, IDestinationKind> _kinds;
    private readonly DatabusMeter _meter;
    private readonly TimeProvider _time;
    private readonly ILogger<Dispatcher> _logger;
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly Dictionary<Place, Running> _running = [];
    private readonly Dictionary<Place, Unknown> _unknown = [];

    internal Dispatcher(
        IStore store, Fetcher fetcher, IEnumerable<IDestinationKind> kinds, DatabusMeter meter, TimeProvider time, ILogger<Dispatcher> logger)
    {
        _store = store;
        _fetcher = fetcher;
        _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _meter = meter;
        _time = time;
        _logger = logger;
    }

    /// <summary>
    /// The destinations of this node's subscriptions that are not there (<c>destination-unavailable</c>), and those of
    /// kinds that this node does not have (<c>destination-unknown</c>), by topic and subscription.
    /// </summary>
    public IReadOnlyList<Warning> Warnings
    {
        get
        {
            lock (_gate)
            {
                var unavailable = _running.Select(pair => (pair.Key, pair.Value.Pusher.Outage, pair.Value.Pusher.Subscription))
                    .Where(one => one.Outage is not null)
                    .Select(one => (one.Key, Warning: new Warning(
                        "destination-unavailable",
                        $"{Name(one.Subscription)}: the destination {one.Subscription.Destination.Kind} is not available since {Text(one.Outage!.Since)}: {one.Outage.Reason}")));
                var unknown = _unknown.Select(pair => (pair.Key, Warning: new Warning(
                    "destination-unknown",
                    $"{Name(pair.Value.Subscription)}: this node has no destinations of the kind {pair.Value.Subscription.Destination.Kind} and leaves it alone since {Text(pair.Value.Since)}.")));
                return [.. unavailable.Concat(unknown).OrderBy(one => one.Key.Topic).ThenBy(one => one.Key.Name, StringComparer.Ordinal).Select(one => one.Warning)];
            }
        }
    }

    /// <summary>Subscriptions were created, changed or deleted.</summary>
    public void Changed()
    {
        try
        {
            _changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // The loop has not even seen the last change.
        }
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Stops fetching at once; other services may take their time to stop before it is this one's turn.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken) => _stopping.CancelAsync();

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, _stopping.Token);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                Follow(await _store.ListPushSubscriptionsAsync(stop.Token));
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // What runs goes on; whether it still should is seen with the next look.
                LogStoreFailed(error);
            }
            catch (OperationCanceledException)
            {
                break;
            }

            using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
            var changed = _changed.WaitAsync(timer.Token);
            await Task.WhenAny(changed, Task.Delay(BetweenLooks, _time, timer.Token));
            await timer.CancelAsync();
            await changed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Follow([]);
        await Task.WhenAll(RunningNow());
    }

    private static string Name(PushSubscription subscription) => $"{subscription.Topic.Name}/{subscription.Name}";

    private static string Text(DateTimeOffset time) => time.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Starts what is missing and stops what is not wanted; one that changed starts anew once it has stopped.</summary>
    private void Follow(IReadOnlyList<PushSubscription> wanted)
    {
        lock (_gate)
        {
            var places = wanted.ToDictionary(Place.Of);
            foreach (var (place, running) in _running)
            {
                if (!places.TryGetValue(place, out var subscription) || !running.IsFor(subscription))
                    running.Pusher.Stop();
            }

            foreach (var place in _unknown.Keys.Where(place => !places.TryGetValue(place, out var subscription) || _kinds.ContainsKey(subscription.Destination.Kind)).ToList())
                _unknown.Remove(place);
            foreach (var (place, subscription) in places.Where(pair => !_running.ContainsKey(pair.Key)))
            {
                if (_kinds.TryGetValue(subscription.Destination.Kind, out var kind))
                    Start(place, subscription, kind);
                else if (_unknown.GetValueOrDefault(place)?.Subscription.Destination.Kind != subscription.Destination.Kind)
                    Leave(place, subscription);
            }
        }
    }

    private void Start(Place place, PushSubscription subscription, IDestinationKind kind)
    {
        var pusher = new Pusher(subscription, kind, _fetcher, _meter, _time, _logger);
        _running[place] = new Running(pusher, RunAsync());

        async Task RunAsync()
        {
            using (pusher)
                await pusher.RunAsync();
            lock (_gate)
                _running.Remove(place);
            Changed();
        }
    }

    private void Leave(Place place, PushSubscription subscription)
    {
        _unknown[place] = new Unknown(subscription, _time.GetUtcNow());
        LogUnknown(subscription.Topic.Name, subscription.Name, subscription.Destination.Kind);
    }

    private Task[] RunningNow()
    {
        lock (_gate)
            return [.. _running.Values.Select(running => running.Ended)];
    }

    private readonly record struct Place(int Topic, string Name)
    {
        public static Place Of(PushSubscription subscription) => new(subscription.Topic.Number, subscription.Name);
    }

    private sealed record Running(Pusher Pusher, Task Ended)
    {
        public bool IsFor(PushSubscription subscription) =>
            Pusher.Subscription.Destination == subscription.Destination && Pusher.Subscription.Lease == subscription.Lease;
    }

    private sealed record Unknown(PushSubscription Subscription, DateTimeOffset Since);

    [LoggerMessage(EventId = 50, Level = LogLevel.Error, Message = "The subscriptions that push could not be read")]
    private partial void LogStoreFailed(Exception error);

    [LoggerMessage(EventId = 51, Level = LogLevel.Warning, Message = "{Topic}/{Subscription}: this node has no destinations of the kind {Kind} and leaves it alone")]
    private partial void LogUnknown(string topic, string subscription, string kind);
}
