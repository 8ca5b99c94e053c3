using System.Collections.Concurrent;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Sources;

/// <summary>
/// Polls each source when it is due, appends what came, and only then keeps that it was polled: a crash in
/// between costs a second poll, whose items are duplicates.
/// </summary>
public sealed partial class SourcePoller : BackgroundService
{
    private const int MaxPollsAtOnce = 4;
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private readonly IStore _store;
    private readonly TopicLog _log;
    private readonly Dictionary<string, ISourceKind> _kinds;
    private readonly TimeProvider _time;
    private readonly ILogger<SourcePoller> _logger;
    private readonly ConcurrentDictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _asked = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changed = new(0, 1);

    public SourcePoller(
        IStore store, TopicLog log, IEnumerable<ISourceKind> kinds, TimeProvider time, ILogger<SourcePoller> logger)
    {
        _store = store;
        _log = log;
        _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _time = time;
        _logger = logger;
    }

    /// <summary>The kinds of source there are.</summary>
    public IReadOnlyCollection<string> Kinds => _kinds.Keys;

    public bool IsPolling(string source) => _running.ContainsKey(source);

    /// <summary>Polls the source as soon as possible, paused, failing or not.</summary>
    public void PollNow(string source)
    {
        _asked[source] = true;
        Changed();
    }

    /// <summary>Sources were created, changed or deleted.</summary>
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

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = LongestWait;
            try
            {
                wait = StartWhatIsDue(await _store.ListSourcesAsync(name: null, stoppingToken), stoppingToken);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                LogStoreFailed(error);
            }

            using var timer = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var changed = _changed.WaitAsync(timer.Token);
            await Task.WhenAny(changed, Task.Delay(wait, _time, timer.Token));
            await timer.CancelAsync();
            await changed.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(_running.Values);
    }

    /// <summary>How long until the next one is due.</summary>
    private TimeSpan StartWhatIsDue(IReadOnlyList<SourceStatus> sources, CancellationToken stoppingToken)
    {
        var now = _time.GetUtcNow();
        var wait = LongestWait;
        foreach (var source in sources)
        {
            var name = source.Settings.Name;
            var isAsked = _asked.ContainsKey(name);
            var dueAt = isAsked ? now : source.Settings.Paused ? null : source.NextPollAt;
            if (dueAt is null || _running.ContainsKey(name))
                continue;
            if (dueAt > now)
            {
                wait = TimeSpan.FromTicks(Math.Min(wait.Ticks, (dueAt.Value - now).Ticks));
            }
            else if (_running.Count < MaxPollsAtOnce)
            {
                _asked.TryRemove(name, out _);
                var poll = new TaskCompletionSource();
                _running[name] = poll.Task;
                _ = PollAndTellAsync(source, poll, stoppingToken);
            }
        }

        return wait;
    }

    private async Task PollAndTellAsync(SourceStatus source, TaskCompletionSource done, CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            await PollAsync(source, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // It is due again at the next start.
        }
        catch (Exception error)
        {
            // The store is busy, full or gone. The source stays due; a moment later it is tried again.
            LogPollNotKept(source.Settings.Name, error);
            await Task.Delay(TimeSpan.FromSeconds(5), _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            _running.TryRemove(source.Settings.Name, out _);
            done.SetResult();
            Changed();
        }
    }

    private async Task PollAsync(SourceStatus source, CancellationToken stoppingToken)
    {
        var settings = source.Settings;
        var result = _kinds.TryGetValue(settings.Kind, out var kind)
            ? await kind.PollAsync(new PollRequest(settings.Url, source.State), stoppingToken)
            : new PollResult(PollOutcome.Failed) { Error = $"This databus has no sources of the kind {settings.Kind}." };

        var added = 0;
        string? refused = null;
        if (result.Items.Count > 0)
        {
            var topic = await _log.GetOrCreateAsync(settings.Topic, stoppingToken);
            var items = new List<NewItem>(result.Items.Count);
            foreach (var found in result.Items)
            {
                // The source's name before the identity: two sources may both have an item 1.
                if (TopicLog.TryRead(topic, found.Content, $"{settings.Name}/{found.Identity}", settings.Name, out var item, out var error))
                    items.Add(item with { KeyNeverExpires = true });
                else
                    refused = error.Detail;
            }

            added = (await _log.AppendAsync(topic, items, stoppingToken)).Count(outcome => outcome.Added);
        }

        var failures = result.Outcome is PollOutcome.Failed ? source.Failures + 1 : 0;
        var now = _time.GetUtcNow();
        var next = PollSchedule.Next(settings.Interval, result, failures, Random.Shared.NextDouble());
        var outcome = result.Outcome switch
        {
            PollOutcome.Read => $"added {added} of {result.Items.Count}",
            PollOutcome.NotModified => "not modified",
            PollOutcome.Failed => "failed",
            _ => "gone",
        };
        LogPolled(settings.Name, outcome, result.Error);
        await _store.RecordPollAsync(
            settings.Name,
            new PollRecord(settings.Url, now, now + next, outcome, result.Error ?? refused, failures, added, result.State, result.MovedTo),
            stoppingToken);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Source {Source}: {Outcome} {Error}")]
    private partial void LogPolled(string source, string outcome, string? error);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "Source {Source}: what the poll brought could not be kept; it is polled again")]
    private partial void LogPollNotKept(string source, Exception error);

    [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "The sources could not be read")]
    private partial void LogStoreFailed(Exception error);
}
