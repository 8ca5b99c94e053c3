using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>
/// Jobs of names for which this node has no handler. They are given back as long as another node says that it has one,
/// and for a minute in any case, because a new version may be on its way; then they have failed and wait for a person.
/// </summary>
internal sealed partial class UnknownJobs(IStore store, TimeProvider time, ILogger<UnknownJobs> logger)
{
    private static readonly TimeSpan Delay = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>What the nodes say is asked for this often at most.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(3);

    /// <summary>A job that has not come again for so long was taken by somebody else.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(10);
    private const int MostRemembered = 100_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, (long FirstAt, long LastAt)> _seen = [];
    private readonly HashSet<string> _told = new(StringComparer.Ordinal);
    private Task<HashSet<string>>? _look;
    private long _lookedAt;

    public async Task<JobCompletion> JudgeAsync(ClaimedJob job)
    {
        var patience = Remember(job.Token.Id);
        HashSet<string>? handled;
        try
        {
            handled = await HandledElsewhereAsync();
        }
        catch (Exception)
        {
            // Who knows.
            handled = null;
        }

        if (handled is not null && !handled.Contains(job.Name) && !handled.Contains(OutsideWorkers.AnyName) && patience >= Patience)
        {
            lock (_gate)
                _seen.Remove(job.Token.Id);
            return new JobCompletion(
                job.Token, JobOutcome.Hopeless, Error: $"No running node has a handler for jobs of the name \"{job.Name}\".");
        }

        lock (_gate)
        {
            if (_told.Count < MostRemembered && _told.Add(job.Name))
                LogUnknown(job.Name);
        }

        return new JobCompletion(
            job.Token, JobOutcome.Returned, Error: $"The node that took it has no handler for jobs of the name \"{job.Name}\".", Delay: Delay);
    }

    /// <summary>For how long it has been coming here.</summary>
    private TimeSpan Remember(long id)
    {
        lock (_gate)
        {
            var now = time.GetTimestamp();
            if (_seen.Count >= MostRemembered)
            {
                foreach (var (old, times) in _seen)
                {
                    if (time.GetElapsedTime(times.LastAt, now) > Memory)
                        _seen.Remove(old);
                }

                // Still too many: who comes new is not remembered, and comes again until others have gone.
                if (_seen.Count >= MostRemembered && !_seen.ContainsKey(id))
                    return TimeSpan.Zero;
            }

            var firstAt = _seen.TryGetValue(id, out var seen) && time.GetElapsedTime(seen.LastAt, now) <= Memory ? seen.FirstAt : now;
            _seen[id] = (firstAt, now);
            return time.GetElapsedTime(firstAt, now);
        }
    }

    private Task<HashSet<string>> HandledElsewhereAsync()
    {
        lock (_gate)
        {
            if (_look is null || _look.IsFaulted || time.GetElapsedTime(_lookedAt) >= BetweenLooks)
            {
                _lookedAt = time.GetTimestamp();
                _look = LookAsync();
            }

            return _look;
        }
    }

    private async Task<HashSet<string>> LookAsync()
    {
        await Task.Yield();
        var nodes = await store.ListNodesAsync(CancellationToken.None);
        return nodes.Where(node => node.IsAlive).SelectMany(node => node.Report.JobNames)
            .ToHashSet(StringComparer.Ordinal);
    }

    [LoggerMessage(EventId = 82, Level = LogLevel.Warning, Message = "This node has no handler for jobs of the name {Name} and leaves them to others")]
    private partial void LogUnknown(string name);
}
