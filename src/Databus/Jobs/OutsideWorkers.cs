using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;

namespace Databus.Jobs;

/// <summary>
/// Workers that are no nodes: programs in any language that ask for jobs. Those who want the same jobs wait in one line. What
/// becomes claimable wakes one of each line that may have it, and whoever leaves something behind wakes the next.
/// </summary>
internal sealed class OutsideWorkers
{
    /// <summary>Stands for any name.</summary>
    public const string AnyName = "*";

    /// <summary>A worker that has not asked for so long is not expected back.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromDays(1);
    private const int MostRemembered = 1000;

    /// <summary>So late at most it is seen what became claimable, should its word be lost.</summary>
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    private readonly IStore _store;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);

    /// <summary>The names that were asked for here, and when last.</summary>
    private readonly Dictionary<string, long> _asked = new(StringComparer.Ordinal);

    public OutsideWorkers(IStore store, NodeHeart heart, TimeProvider time)
    {
        _store = store;
        _time = time;
        heart.OutsideNames = () => Names;
    }

    /// <summary>Of the jobs that outside workers asked this node for within a day: nodes without a handler leave them alone.</summary>
    private IReadOnlyList<string> Names
    {
        get
        {
            lock (_gate)
            {
                foreach (var (name, at) in _asked)
                {
                    if (_time.GetElapsedTime(at) > Memory)
                        _asked.Remove(name);
                }

                return [.. _asked.Keys];
            }
        }
    }

    /// <summary>Something may have become claimable in a queue; null: in any.</summary>
    public void Claimable(string? queue)
    {
        lock (_gate)
        {
            foreach (var line in _lines.Values)
            {
                if (queue is null || line.Queues?.Contains(queue, StringComparer.Ordinal) != false)
                    line.Waiting.WakeOne();
            }
        }
    }

    /// <summary>As <see cref="IJobStore.ClaimAsync"/>; where nothing is there, waits up to this long for something.</summary>
    /// <param name="cancellationToken">Ends the wait; a claim that is under way comes to its end.</param>
    public async Task<IReadOnlyList<ClaimedJob>> ClaimAsync(JobClaim claim, TimeSpan wait, CancellationToken cancellationToken)
    {
        // Who asks for any job does not mean those that nodes enqueue for themselves.
        if (claim.Queues is null)
            claim = claim with { Without = [PollSource.Queue] };
        var started = _time.GetTimestamp();
        var line = Enter(claim);
        try
        {
            // In line before the first look, so that nothing comes between the look and the wait.
            using var place = line.Waiting.Join();
            while (true)
            {
                var claims = await _store.Jobs.ClaimAsync(claim, CancellationToken.None);
                if (claims.More)
                    line.Waiting.WakeOne();
                if (claims.Jobs.Count > 0)
                    return claims.Jobs;

                var left = wait - _time.GetElapsedTime(started);
                if (left <= TimeSpan.Zero)
                    return [];
                var toDue = (claims.NextDueAt - _store.Now) ?? BetweenLooks;
                line.Waiting.WakeAt(_time.GetUtcNow() + (toDue < BetweenLooks ? toDue : BetweenLooks));
                if (!await place.WaitAsync(left, cancellationToken))
                    return [];
            }
        }
        finally
        {
            Leave(line);
        }
    }

    private Line Enter(JobClaim claim)
    {
        // Names have neither of the two separators.
        var key = $"{Joined(claim.Queues)} {Joined(claim.Names)}";
        lock (_gate)
        {
            if (!_lines.TryGetValue(key, out var line))
                _lines[key] = line = new Line(key, claim.Queues, new WaitingLine(_time));
            line.Count++;
            foreach (var name in claim.Names ?? [AnyName])
            {
                if (_asked.Count < MostRemembered || _asked.ContainsKey(name))
                    _asked[name] = _time.GetTimestamp();
            }

            return line;
        }
    }

    private void Leave(Line line)
    {
        lock (_gate)
        {
            if (--line.Count == 0)
                _lines.Remove(line.Key);
        }
    }

    private static string Joined(IReadOnlyList<string>? names) => names is null ? "*" : string.Join(',', names.Order(StringComparer.Ordinal));

    private sealed class Line(string key, IReadOnlyList<string>? queues, WaitingLine waiting)
    {
        public string Key { get; } = key;

        public IReadOnlyList<string>? Queues { get; } = queues;

        public WaitingLine Waiting { get; } = waiting;

        public int Count { get; set; }
    }
}
