using System.Collections.Concurrent;
using Databus.Topics;

namespace Databus.Postgres;

/// <summary>The topics this node knows, and how far it has heard each of them to reach.</summary>
internal sealed class KnownTopics
{
    private readonly ConcurrentDictionary<string, Topic> _byName = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<int, Topic> _byNumber = new();
    private readonly ConcurrentDictionary<int, long> _lastIds = new();
    private long _changes;

    /// <summary>Grows with everything learnt here. To be taken before the database is asked for all there is.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    public Topic? Find(string name) => _byName.GetValueOrDefault(name);

    public Topic? Find(int number) => _byNumber.GetValueOrDefault(number);

    public void Learn(Topic topic)
    {
        Interlocked.Increment(ref _changes);
        Set(topic);
    }

    public void Forget(Topic topic)
    {
        Interlocked.Increment(ref _changes);
        Remove(topic);
    }

    /// <summary>True: that is further than this node had heard. Never of a topic that is not known, or no more.</summary>
    public bool Reaches(Topic topic, long lastId)
    {
        while (_lastIds.TryGetValue(topic.Number, out var known) && lastId > known)
        {
            if (_lastIds.TryUpdate(topic.Number, lastId, known))
                return true;
        }

        return false;
    }

    /// <summary>
    /// Takes over all that there was when the database was asked, unless something was learnt since. Returns what is no more.
    /// </summary>
    public List<Topic> Replace(IReadOnlyCollection<Topic> all, long changes)
    {
        if (changes != Changes)
            return [];
        foreach (var topic in all)
            Set(topic);
        var numbers = all.Select(topic => topic.Number).ToHashSet();
        var gone = _byNumber.Values.Where(topic => !numbers.Contains(topic.Number)).ToList();
        gone.ForEach(Remove);
        return gone;
    }

    private void Set(Topic topic)
    {
        _lastIds.TryAdd(topic.Number, 0);
        _byName[topic.Name] = topic;
        _byNumber[topic.Number] = topic;
    }

    private void Remove(Topic topic)
    {
        if (_byName.GetValueOrDefault(topic.Name) is { } named && named.Number == topic.Number)
            _byName.TryRemove(topic.Name, out _);
        _byNumber.TryRemove(topic.Number, out _);
        _lastIds.TryRemove(topic.Number, out _);
    }
}
