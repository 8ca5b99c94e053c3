using Databus.Jobs;
using Databus.Storage;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Sources;

/// <summary>
/// Sees which sources are due, by their own rules (<see cref="PollSchedule"/>), and enqueues a job for each
/// (<see cref="PollSource"/>). Every node that collects does; the job's unique key lets one of them through.
/// </summary>
public sealed partial class SourcePlanner : BackgroundService
{
    /// <summary>So late at most it is seen what another node changed, should its word be lost.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    /// <summary>While a poll is under way: a node that dies with it is found dead after 10 s, and 15 s are promised.</summary>
    private static readonly TimeSpan WhileDue = TimeSpan.FromSeconds(1);

    /// <summary>A poll of which nothing could be kept is not to be followed by the next one at once, again and again.</summary>
    private static readonly TimeSpan BetweenJobs = TimeSpan.FromSeconds(5);

    private readonly IStore _store;
    private readonly JobClient _jobs;
    private readonly HashSet<string> _listening;
    private readonly TimeProvider _time;
    private readonly ILogger<SourcePlanner> _logger;
    private readonly WakeUp _changed;

    /// <summary>When a source's last job was enqueued here, and what was known of its last poll then.</summary>
    private readonly Dictionary<string, (long At, DateTimeOffset? LastPolledAt)> _enqueued = new(StringComparer.Ordinal);
    private bool _isWanted;
    private bool _isAway;

    public SourcePlanner(IStore store, JobClient jobs, IEnumerable<IListeningSourceKind> listening, TimeProvider time, ILogger<SourcePlanner> logger)
    {
        _store = store;
        _jobs = jobs;
        _listening = listening.Select(kind => kind.Name).ToHashSet(StringComparer.Ordinal);
        _time = time;
        _logger = logger;
        _changed = new WakeUp(time);
    }

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
        Volatile.Write(ref _isWanted, true);
        _changed.Set();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            var wait = LongestWait;
            try
            {
                wait = await EnqueueWhatIsDueAsync(stoppingToken);
                _isAway = false;
            }
            catch (Exception error)
            {
                // Once for each outage: the log would hold nothing else.
                if (!_isAway && !stoppingToken.IsCancellationRequested)
                    LogStoreFailed(error);
                _isAway = true;
            }

            await _changed.WaitAsync(wait, stoppingToken);
        }
    }

    /// <summary>How long until the next look.</summary>
    private async Task<TimeSpan> EnqueueWhatIsDueAsync(CancellationToken stoppingToken)
    {
        ForgetEnqueued();
        var sources = await _store.ListSourcesAsync(name: null, stoppingToken);
        var now = _store.Now;
        var wait = LongestWait;
        var due = new List<SourceStatus>();
        foreach (var source in sources)
        {
            if (_listening.Contains(source.Settings.Kind) || PollSchedule.DueAt(source, now) is not { } dueAt)
                continue;
            var toLook = dueAt > now ? dueAt - now : WhileDue;
            wait = toLook < wait ? toLook : wait;
            if (dueAt <= now && source.PollJobId is null && !WasEnqueuedInVain(source))
                due.Add(source);
        }

        if (due.Count > 0)
            await EnqueueAsync(due, stoppingToken);
        return wait;
    }

    private async Task EnqueueAsync(List<SourceStatus> due, CancellationToken stoppingToken)
    {
        var outcomes = await _jobs.EnqueueManyAsync(due.Select(source => new PollSource(source.Settings.Name)), options: null, stoppingToken);
        for (var at = 0; at < due.Count; at++)
        {
            if (outcomes[at].Added)
                _enqueued[due[at].Settings.Name] = (_time.GetTimestamp(), due[at].LastPolledAt);
        }
    }

    private bool WasEnqueuedInVain(SourceStatus source) =>
        _enqueued.TryGetValue(source.Settings.Name, out var last) && last.LastPolledAt == source.LastPolledAt;

    /// <summary>What was long ago, and everything when somebody wants something.</summary>
    private void ForgetEnqueued()
    {
        if (Interlocked.Exchange(ref _isWanted, false))
            _enqueued.Clear();
        foreach (var (source, (at, _)) in _enqueued)
        {
            if (_time.GetElapsedTime(at) >= BetweenJobs)
                _enqueued.Remove(source);
        }
    }

    [LoggerMessage(EventId = 3, Level = LogLevel.Error, Message = "The sources that are due cannot be polled now; it is tried again until they can")]
    private partial void LogStoreFailed(Exception error);
}
