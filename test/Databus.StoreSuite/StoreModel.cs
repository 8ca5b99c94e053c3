using System.Globalization;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.StoreSuite;

/// <summary>What one topic with one subscription does, written for reading and not for speed: lists in memory.</summary>
internal sealed class StoreModel(TimeSpan window, SubscriptionSettings settings)
{
    private readonly List<int> _keys = [];
    private readonly Dictionary<int, (long Id, DateTimeOffset FreeAt)> _taken = [];
    private readonly Dictionary<long, Handed> _handed = [];
    private readonly SortedSet<long> _dead = [];
    private long _position;

    public IEnumerable<string> Keys => _keys.Select(key => key.ToString(CultureInfo.InvariantCulture));

    public IEnumerable<long> DeadIds => _dead;

    public DateTimeOffset? NextDueAt => _handed.Count == 0 ? null : _handed.Values.Min(handed => handed.DueAt);

    private long LastId => _keys.Count;

    public AppendOutcome Append(int key, DateTimeOffset now)
    {
        if (_taken.TryGetValue(key, out var taken) && taken.FreeAt > now)
            return new AppendOutcome(taken.Id, Added: false);
        _keys.Add(key);
        _taken[key] = (LastId, now + window);
        return new AppendOutcome(LastId, Added: true);
    }

    public IEnumerable<(long Id, int Attempt)> Fetch(int max, TimeSpan lease, DateTimeOffset now)
    {
        var fetched = new List<(long Id, int Attempt)>();
        foreach (var (id, handed) in _handed.Where(pair => pair.Value.DueAt <= now).OrderBy(pair => pair.Value.DueAt).ThenBy(pair => pair.Key).ToList())
        {
            if (fetched.Count == max)
                break;
            if (handed.Attempt >= settings.MaxAttempts)
                Bury(id);
            else
                Take(id, handed.Attempt + 1);
        }

        while (fetched.Count < max && _position < LastId && (lease == TimeSpan.Zero || _handed.Count < settings.MaxInFlight))
            Take(++_position, attempt: 1);
        return fetched;

        void Take(long id, int attempt)
        {
            fetched.Add((id, attempt));
            if (lease == TimeSpan.Zero)
                _handed.Remove(id);
            else
                _handed[id] = new Handed(attempt, now + lease, Token: null);
        }
    }

    /// <summary>Tells the model which token the store gave out for what was just fetched.</summary>
    public void Leased(LeaseToken token) => _handed[token.Id] = _handed[token.Id] with { Token = token };

    public bool Acknowledge(LeaseToken token, DateTimeOffset now) => IsCurrent(token, now) && _handed.Remove(token.Id);

    public (int Returned, int Dead, int Lost) Return(LeaseToken token, TimeSpan delay, AttemptUse use, DateTimeOffset now)
    {
        if (!IsCurrent(token, now))
            return (0, 0, 1);
        var attempt = _handed[token.Id].Attempt;
        if (use == AttemptUse.IsTheLast || (use == AttemptUse.Counts && attempt >= settings.MaxAttempts))
        {
            Bury(token.Id);
            return (0, 1, 0);
        }

        _handed[token.Id] = new Handed(use == AttemptUse.DoesNotCount ? attempt - 1 : attempt, now + delay, Token: null);
        return (1, 0, 0);
    }

    public bool Extend(LeaseToken token, TimeSpan lease, DateTimeOffset now)
    {
        if (!IsCurrent(token, now))
            return false;
        _handed[token.Id] = _handed[token.Id] with { DueAt = now + lease };
        return true;
    }

    public void Rewind(long after)
    {
        _position = Math.Clamp(after, 0, LastId);
        foreach (var id in _handed.Keys.Where(id => id > _position).ToList())
            _handed.Remove(id);
    }

    public int Replay(DateTimeOffset now)
    {
        var replayed = _dead.Count;
        foreach (var id in _dead.Where(id => id <= _position))
            _handed.TryAdd(id, new Handed(Attempt: 0, now, Token: null));
        _dead.Clear();
        return replayed;
    }

    public (long Position, long LastId, int InFlight, int Waiting, int Dead) Status(DateTimeOffset now)
    {
        var inFlight = _handed.Values.Count(handed => handed.Token is not null && handed.DueAt > now);
        return (_position, LastId, inFlight, _handed.Count - inFlight, _dead.Count);
    }

    private bool IsCurrent(LeaseToken token, DateTimeOffset now) =>
        _handed.TryGetValue(token.Id, out var handed) && handed.Token == token && handed.DueAt > now;

    private void Bury(long id)
    {
        _handed.Remove(id);
        _dead.Add(id);
    }

    private sealed record Handed(int Attempt, DateTimeOffset DueAt, LeaseToken? Token);
}
