using Databus.Topics;

namespace Databus.Sqlite;

/// <summary>
/// What operations see of the writer: the connection, the time of their transaction, and rows that are held
/// in memory because this thread alone changes them. After a rollback everything held is forgotten.
/// </summary>
internal sealed class WriteSession(Connection connection, TimeProvider time)
{
    private readonly Dictionary<int, TopicRow> _topics = [];
    private readonly Dictionary<(int Topic, string Name), SubscriptionRow> _subscriptions = [];
    private readonly List<TopicRow> _appendedTo = [];
    private readonly List<Action> _afterCommit = [];

    public Connection Connection => connection;

    public Action<Topic, long>? Appended { get; set; }

    public long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Microseconds, for fences.</summary>
    public long NowInMicroseconds => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    public TopicRow? FindTopic(int number)
    {
        if (!_topics.TryGetValue(number, out var row) && TopicTable.Load(connection, number) is { } loaded)
            _topics[number] = row = loaded;
        return row;
    }

    public SubscriptionRow? FindSubscription(int topic, string name)
    {
        if (!_subscriptions.TryGetValue((topic, name), out var row) && SubscriptionTable.Load(connection, topic, name) is { } loaded)
            _subscriptions[(topic, name)] = row = loaded;
        return row;
    }

    /// <summary>Those who wait for the topic are told once, after the commit.</summary>
    public void AppendedTo(TopicRow topic)
    {
        if (topic.IsAppendedTo)
            return;
        topic.IsAppendedTo = true;
        _appendedTo.Add(topic);
    }

    public void Forget(int topic) => _topics.Remove(topic);

    public void Forget(int topic, string subscription) => _subscriptions.Remove((topic, subscription));

    public void AfterCommit(Action action) => _afterCommit.Add(action);

    public void Committed()
    {
        foreach (var action in _afterCommit)
            action();
        foreach (var topic in _appendedTo)
        {
            topic.IsAppendedTo = false;
            Appended?.Invoke(topic.Topic, topic.LastId);
        }

        _afterCommit.Clear();
        _appendedTo.Clear();
    }

    public void RolledBack()
    {
        _afterCommit.Clear();
        _appendedTo.Clear();
        _topics.Clear();
        _subscriptions.Clear();
    }
}
