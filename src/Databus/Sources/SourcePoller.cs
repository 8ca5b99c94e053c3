using System.Collections.Concurrent;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Sources;

/// <summary>
/// Polls each source when it is due, appends what came, and only then keeps that it was polled: a crash in
/// between costs a second poll, whose items are duplicates. Of several nodes the one that gets the claim polls.
/// </summary>
public sealed partial class SourcePoller : BackgroundService
{
    private const int MaxPollsAtOnce = 4;

    /// <summary>So late at most it is seen what another node changed, should its word be lost.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>Whoever lost a claim looks again after this: the claim says then who has it.</summary>
    private static readonly TimeSpan AfterLostClaim = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(5);

    private readonly IStore _store;
    private readonly TopicLog _log;
    private readonly Dictionary<string, ISourceKind> _kinds;
    private readonly HashSet<string> _listening;
    private readonly TimeProvider _time;
    private readonly ILogger<SourcePoller> _logger;
    private readonly ConcurrentDictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _changed = new(0, 1);

    public SourcePoller(
        IStore store, TopicLog log, IEnumerable<ISourceKind> kinds, IEnumerable<IListeningSourceKind> listening, TimeProvider time,
        ILogger<SourcePoller> logger)
    {
        _store = store;
        _log = log;
        _kinds = kinds.ToDictionary(kind => kind.Name, StringComparer.Ordinal);
        _listening = listening.Select(kind => kind.Name).ToHashSet(StringComparer.Ordinal);
        _time = time;
        _logger = logger;
    }

    /// <summary>The longest that reading a source may take. What takes longer has failed.</summary>
    public static TimeSpan LongestPoll { get; } = TimeSpan.FromSeconds(90);

    /// <summary>
    /// Longer than reading and appending take, so that no two nodes poll a source at once. What a node that died was
    /// polling, another one polls when this is over.
    /// </summary>
    public static TimeSpan Claim { get; } = TimeSpan.FromMinutes(2);

    /// <summary>Polls the source as soon as possible, paused, failing or not. False: there is no such source.</summary>
    public async Task<bool> PollNowAsync(string source, CancellationToken cancellationToken)
    {
        var found = await _store.AskForPollAsync(source, cancellationToken);
        Changed();
        return found;
    }

    /// <summary>Sources were created, changed, deleted or asked for.</summary>
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
        var now = _store.Now;
        var wait = LongestWait;
        foreach (var source in sources)
        {
            var name = source.Settings.Name;
            if (_running.ContainsKey(name) || _listening.Contains(source.Settings.Kind) || DueAt(source, now) is not { } dueAt)
                continue;
            if (dueAt > now)
            {
                wait = TimeSpan.FromTicks(Math.Min(wait.Ticks, (dueAt - now).Ticks));
            }
            else if (_running.Count < MaxPollsAtOnce)
            {
                var poll = new TaskCompletionSource();
                _running[name] = poll.Task;
                _ = PollAndTellAsync(name, poll, stoppingToken);
            }
        }

        return wait;
    }

    private static DateTimeOffset? DueAt(SourceStatus source, DateTimeOffset now)
    {
        var dueAt = source.IsAskedFor ? now : source.Settings.Paused ? null : source.NextPollAt;

        // Another node polls it, or died polling it.
        return dueAt is not null && source.ClaimedUntil > dueAt ? source.ClaimedUntil : dueAt;
    }

    private async Task PollAndTellAsync(string source, TaskCompletionSource done, CancellationToken stoppingToken)
    {
        await Task.Yield();
        try
        {
            if (!await _store.TryClaimPollAsync(source, Claim, stoppingToken))
                await Task.Delay(AfterLostClaim, _time, stoppingToken);

            // Read once more: what was seen before the claim may be of another poll, or another address.
            else if (await _store.ListSourcesAsync(source, stoppingToken) is [var status])
                await PollAsync(status, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // It is due again when the claim ends.
        }
        catch (Exception error)
        {
            // The store is busy, full or gone. The source stays due, and is polled again when the claim ends.
            LogPollNotKept(source, error);
            await Task.Delay(AfterFailure, _time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        finally
        {
            _running.TryRemove(source, out _);
            done.SetResult();
            Changed();
        }
    }

    private async Task PollAsync(SourceStatus source, CancellationToken stoppingToken)
    {
        var settings = source.Settings;
        var result = _kinds.TryGetValue(settings.Kind, out var kind)
            ? await ReadAsync(kind, new PollRequest(settings.Url, source.State), stoppingToken)
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
        var now = _store.Now;
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

    private async Task<PollResult> ReadAsync(ISourceKind kind, PollRequest request, CancellationToken stoppingToken)
    {
        using var late = new CancellationTokenSource(LongestPoll, _time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, late.Token);
        try
        {
            return await kind.PollAsync(request, limit.Token);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !stoppingToken.IsCancellationRequested)
        {
            return new PollResult(PollOutcome.Failed) { Error = $"It was not read to its end within {LongestPoll.TotalSeconds} s." };
        }
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Source {Source}: {Outcome} {Error}")]
    private partial void LogPolled(string source, string outcome, string? error);

    [LoggerMessage(EventId = 2, Level = LogLevel.Error, Message = "Source {Source}: what the poll brought could not be kept; it is polled again")]
    private partial void LogPollNotKept(string source, Exception error);

    [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "The sources could not be read")]
    private partial void LogStoreFailed(Exception error);
}
