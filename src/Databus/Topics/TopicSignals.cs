using System.Collections.Concurrent;

namespace Databus.Topics;

/// <summary>The signals of all topics somebody waits for.</summary>
internal sealed class TopicSignals
{
    private readonly ConcurrentDictionary<int, TopicSignal> _signals = new();

    public TopicSignal Of(Topic topic) => _signals.GetOrAdd(topic.Number, static _ => new TopicSignal());

    public void Appended(Topic topic, long lastId)
    {
        if (lastId == long.MaxValue && _signals.TryRemove(topic.Number, out var gone))
            gone.Pulse();
        else if (_signals.TryGetValue(topic.Number, out var signal))
            signal.Pulse();
    }

    /// <summary>Another process did something after which there may be more to take of a subscription.</summary>
    public void Woken(Topic topic, string subscription)
    {
        if (_signals.TryGetValue(topic.Number, out var signal))
            signal.Wake(subscription);
    }
}
