using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Sources;

/// <summary>
/// Listens to each source of a listening kind that is not paused, and keeps how it goes. Every node that collects does;
/// the other side divides the items among them.
/// </summary>
public sealed partial class SourceListener : BackgroundService
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenRecords = TimeSpan.FromSeconds(15);

    /// <summary>Before a change is kept, so that what changes to and fro costs one record a second at most.</summary>
    private static readonly TimeSpan BeforeRecord = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan BeforeListeningAgain = TimeSpan.FromSeconds(5);

    /// <summary>A listening source is never due, and never gone either.</summary>
    private static readonly TimeSpan NextPoll = TimeSpan.FromMinutes(1);

    private readonly IStore _store;
    private readonly TopicLog _log;
    private readonly Dictionary<string, IListeningSourceKind> _kinds;
    private readonly TimeProvider _time;
    private readonly ILogger<SourceListener> _logger;
    private readonly SemaphoreSlim _changed = new(0, 1);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Listening> _running = new(StringComparer.Ordinal);

    public SourceListener(
        IStore store, TopicLog log, IEnumerable<IListeningSourceKind> kinds, TimeProvider time, ILogger<SourceListener> logger)
    {
        _store = store;
        _log = log;
        _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _time = time;
        _logger = logger;
    }

    /// <summary>Sources were created, changed or deleted.</summary>
    public void Changed() => Wake(_changed);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_kinds.Count == 0)
            return;
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                Follow(await _store.ListSourcesAsync(name: null, stoppingToken));
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                LogStoreFailed(error);
            }

            await WaitAsync(_changed, BetweenLooks, stoppingToken);
        }

        Follow([]);
        await Task.WhenAll(RunningNow());
    }

    private static void Wake(SemaphoreSlim signal)
    {
        try
        {
            signal.Release();
        }
        catch (SemaphoreFullException)
        {
            // Whoever waits has not even seen the last change.
        }
    }

    /// <summary>Starts what is missing and stops what is not wanted; one that changed starts anew once it has stopped.</summary>
    private void Follow(IReadOnlyList<SourceStatus> sources)
    {
        lock (_gate)
        {
            var wanted = sources.Where(source => !source.Settings.Paused && _kinds.ContainsKey(source.Settings.Kind))
                .ToDictionary(source => source.Settings.Name, StringComparer.Ordinal);
            foreach (var (name, listening) in _running)
            {
                if (!wanted.TryGetValue(name, out var source) || !listening.IsFor(source.Settings))
                    _ = listening.Stop.CancelAsync();
            }

            foreach (var (name, source) in wanted)
            {
                if (!_running.ContainsKey(name))
                    Start(source.Settings);
            }
        }
    }

    private void Start(SourceSettings source)
    {
        var stop = new CancellationTokenSource();
        _running[source.Name] = new Listening(source, stop, RunAsync());

        async Task RunAsync()
        {
            await Task.Yield();
            await ListenAsync(source, stop.Token);
            lock (_gate)
                _running.Remove(source.Name);
            stop.Dispose();
            Changed();
        }
    }

    private Task[] RunningNow()
    {
        lock (_gate)
            return [.. _running.Values.Select(listening => listening.Ended)];
    }

    /// <summary>Never fails: what a kind does not catch itself is trouble like any other.</summary>
    private async Task ListenAsync(SourceSettings source, CancellationToken stop)
    {
        using var reported = new SemaphoreSlim(0, 1);
        using var recording = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var inbox = new SourceInbox(_log, source, () => Wake(reported));
        var records = RecordAsync(source, inbox, reported, recording.Token);
        while (!stop.IsCancellationRequested)
        {
            try
            {
                // Before the first message: those that wait for a topic to be created may overtake each other.
                await _log.GetOrCreateAsync(source.Topic, stop);
                await _kinds[source.Kind].ListenAsync(source, inbox, stop);
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // As asked.
            }
            catch (Exception error)
            {
                LogFailed(source.Name, error);
                inbox.Report(error.Message);
                await Task.Delay(BeforeListeningAgain, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }

        await recording.CancelAsync();
        await records;
    }

    /// <summary>Keeps how it goes: soon after it changed, every 15 s while there is something to tell, and at the end.</summary>
    private async Task RecordAsync(SourceSettings source, SourceInbox inbox, SemaphoreSlim reported, CancellationToken stop)
    {
        string? lastTrouble = null;
        var isFirst = true;
        var failures = 0;
        while (true)
        {
            if (await WaitAsync(reported, BetweenRecords, stop))
                await Task.Delay(BeforeRecord, _time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var isLast = stop.IsCancellationRequested;
            var news = inbox.TakeNews();
            var isNew = news.Added > 0 || news.Refused > 0 || news.Trouble != lastTrouble || (isFirst && news.IsKnown);
            if (isNew || (news.Trouble is not null && !isLast))
            {
                failures = news.Trouble is null ? 0 : failures + 1;
                if (await TryRecordAsync(source, news, failures))
                    (isFirst, lastTrouble) = (false, news.Trouble);
                else
                    inbox.PutBack(news);
            }

            if (isLast)
                return;
        }
    }

    private async Task<bool> TryRecordAsync(SourceSettings source, InboxNews news, int failures)
    {
        var outcome = (news, news.Trouble) switch
        {
            ({ Refused: > 0 }, _) => $"added {news.Added}, refused {news.Refused}",
            ({ Added: > 0 }, _) => $"added {news.Added}",
            (_, null) => "listening",
            _ => "not listening",
        };
        LogListening(source.Name, outcome, news.Trouble ?? news.LastRefusal);
        try
        {
            var now = _store.Now;
            await _store.RecordPollAsync(
                source.Name,
                new PollRecord(source.Url, now, now + NextPoll, outcome, news.Trouble ?? news.LastRefusal, failures, news.Added, State: null, MovedTo: null),
                CancellationToken.None);
            return true;
        }
        catch (Exception error)
        {
            LogNotRecorded(source.Name, error);
            return false;
        }
    }

    /// <summary>False: the time was over first.</summary>
    private async Task<bool> WaitAsync(SemaphoreSlim signal, TimeSpan longest, CancellationToken stop)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var signalled = signal.WaitAsync(timer.Token);
        await Task.WhenAny(signalled, Task.Delay(longest, _time, timer.Token));
        await timer.CancelAsync();
        await signalled.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return signalled.IsCompletedSuccessfully;
    }

    private sealed record Listening(SourceSettings Source, CancellationTokenSource Stop, Task Ended)
    {
        public bool IsFor(SourceSettings source) => Source.Kind == source.Kind && Source.Topic == source.Topic && Source.Url == source.Url;
    }

    [LoggerMessage(EventId = 70, Level = LogLevel.Information, Message = "Source {Source}: {Outcome} {Error}")]
    private partial void LogListening(string source, string outcome, string? error);

    [LoggerMessage(EventId = 71, Level = LogLevel.Error, Message = "Source {Source}: listening failed; it is tried again")]
    private partial void LogFailed(string source, Exception error);

    [LoggerMessage(EventId = 72, Level = LogLevel.Error, Message = "Source {Source}: how it goes could not be kept")]
    private partial void LogNotRecorded(string source, Exception error);

    [LoggerMessage(EventId = 73, Level = LogLevel.Error, Message = "The sources could not be read")]
    private partial void LogStoreFailed(Exception error);
}
