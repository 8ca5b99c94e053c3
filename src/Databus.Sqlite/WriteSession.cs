using Databus.Nodes;
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
    private readonly Dictionary<string, long> _heardAt = new(StringComparer.Ordinal);
    private readonly HashSet<string> _claimable = new(StringComparer.Ordinal);
    private Dictionary<string, QueueRow>? _queues;
    private bool _jobsChanged;

    public Connection Connection => connection;

    public Action<Topic, long>? Appended { get; set; }

    public Action<string>? Claimable { get; set; }

    public Action? JobsChanged { get; set; }

    public long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Microseconds, for fences.</summary>
    public long NowInMicroseconds => (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>A node gave a sign of life.</summary>
    public void Hear(string node) => _heardAt[node] = time.GetTimestamp();

    public void HearNoMore(string node) => _heardAt.Remove(node);

    /// <summary>
    /// By the time that passes, whatever is done to the clock meanwhile: a machine that slept has not made its nodes silent. False
    /// also of those that nothing was heard of since the store was opened.
    /// </summary>
    public bool HasHeard(string node) => _heardAt.TryGetValue(node, out var at) && time.GetElapsedTime(at) < NodeStatus.SilenceOfTheDead;

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

    /// <summary>What was set for the queue; null: nothing.</summary>
    public QueueRow? FindQueue(string queue) => (_queues ??= QueueTable.Load(connection)).GetValueOrDefault(queue);

    /// <summary>Those who wait for jobs of the queue are told once, after the commit.</summary>
    public void MayClaim(string queue) => _claimable.Add(queue);

    /// <summary>Those who wait for jobs to end or to be cancelled are told once, after the commit.</summary>
    public void ChangedJobs() => _jobsChanged = true;

    /// <summary>Those who wait for the topic are told once, after the commit.</summary>
    public void AppendedTo(TopicRow topic)
    {
        if (topic.IsAppendedTo)
            return;
        topic.IsAppendedTo = true;
        _appendedTo.Add(topic);
    }

    public void ForgetQueues() => _queues = null;

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

        foreach (var queue in _claimable)
            Claimable?.Invoke(queue);
        if (_jobsChanged)
            JobsChanged?.Invoke();
        ForgetNews();
    }

    public void RolledBack()
    {
        ForgetNews();
        _topics.Clear();
        _subscriptions.Clear();
        _queues = null;
    }

    private void ForgetNews()
    {
        _afterCommit.Clear();
        _appendedTo.Clear();
        _claimable.Clear();
        _jobsChanged = false;
    }
}
