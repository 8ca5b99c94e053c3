using System.Collections.Concurrent;
using Databus.Access;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.Sqlite;

/// <summary>
/// The embedded store: one SQLite file, one writer, some readers. Each verb is one line here and one method
/// beside its SQL in the table it works on.
/// </summary>
public sealed class SqliteStore(SqliteStoreOptions options, TimeProvider time) : IStore
{
    /// <summary>Above this the log of changes has not been folded into the database for too long.</summary>
    private const long LargeWalBytes = 64 << 20;
    private const int DeadLettersPerStep = 500;

    /// <summary>What a fetch counts for in the queue at most: many ask for a thousand and find nothing.</summary>
    private const int RowsOfAFetch = 100;

    private readonly SqliteJobs _jobs = new(time);
    private readonly ConcurrentDictionary<string, Topic> _topics = new(StringComparer.Ordinal);
    private DataDirectory? _directory;
    private Writer? _writer;
    private Readers? _readers;
    private Purge? _purge;
    private bool _isDisposed;

    public Action<Topic, long>? Appended { get; set; }

    /// <summary>Never called: there is no other process.</summary>
    public Action<Topic, string>? Woken { get; set; }

    /// <summary>Never called: there is no other process.</summary>
    public Action? Configured { get; set; }

    public Action<Exception>? Failed { get; set; }

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>One for each opening: nobody else has the file, and it cannot change its history while it is open.</summary>
    public string? Generation { get; } = Guid.NewGuid().ToString("n");

    private Writer Writer => _isDisposed ? throw SqliteErrors.Stopped(cause: null) : _writer ?? throw new InvalidOperationException("The store is not open.");

    private Readers Readers => _isDisposed ? throw SqliteErrors.Stopped(cause: null) : _readers ?? throw new InvalidOperationException("The store is not open.");

    public Task OpenAsync(CancellationToken cancellationToken)
    {
        if (SqliteLibrary.Version < SqliteLibrary.Oldest)
            throw new StoreException(StoreProblem.Stopped, $"SQLite {SqliteLibrary.Version} is too old; {SqliteLibrary.Oldest} is needed.");
        _directory = DataDirectory.Open(options.DataDirectory);
        _writer = new Writer(_directory, time, options.MaxWaitingRows, error => Failed?.Invoke(error));
        _writer.Prepare(session =>
        {
            Schema.Migrate(session.Connection);
            foreach (var topic in TopicTable.LoadAll(session.Connection))
                _topics[topic.Name] = topic;
            session.Appended = (topic, lastId) => Appended?.Invoke(topic, lastId);
            session.Claimable = queue => _jobs.Claimable?.Invoke(queue);
            session.JobsChanged = () => _jobs.Changed?.Invoke();
        });
        _readers = new Readers(_directory.DatabaseFile, options.MaxReaders, error => Failed?.Invoke(error));
        _jobs.Open(_writer, _readers);
        _purge = new Purge(_writer, _readers, time);
        _writer.Start();
        return Task.CompletedTask;
    }

    public IJobStore Jobs => _jobs;

    // Topics

    public ValueTask<Topic?> FindTopicAsync(string name, CancellationToken cancellationToken) => new(_topics.GetValueOrDefault(name));

    public Task<(Topic Topic, bool Created)> PutTopicAsync(string name, TopicSettings? settings, CancellationToken cancellationToken) =>
        WriteAsync(
            session =>
            {
                var put = TopicTable.Put(session, name, settings);
                session.AfterCommit(() => _topics[name] = put.Topic);
                return put;
            },
            SpaceNeed.Adds,
            cancellationToken);

    public Task<bool> DeleteTopicAsync(string name, CancellationToken cancellationToken) =>
        WriteAsync(
            session =>
            {
                var deleted = TopicTable.Delete(session, name);
                session.AfterCommit(() =>
                {
                    if (_topics.TryRemove(name, out var topic))
                        Appended?.Invoke(topic, long.MaxValue);
                });
                return deleted;
            },
            SpaceNeed.Little,
            cancellationToken);

    public Task<IReadOnlyList<TopicStatus>> ListTopicsAsync(string? name, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => TopicTable.List(connection, name), cancellationToken);

    // The log

    public Task<AppendResult?> AppendAsync(Topic topic, IReadOnlyList<NewItem> items, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => ItemTable.Append(session, topic, items), SpaceNeed.Adds, cancellationToken, items.Count);

    public Task<ItemPage> ReadItemsAsync(Topic topic, ItemQuery query, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => ItemTable.Read(connection, topic, query), cancellationToken);

    // Subscriptions

    public async Task<(SubscriptionStatus Status, bool Created)?> PutSubscriptionAsync(
        Topic topic, string name, SubscriptionSettings settings, SubscriptionStart start, CancellationToken cancellationToken)
    {
        var created = await WriteAsync(
            session => SubscriptionTable.Put(session, topic, name, settings, start), SpaceNeed.Adds, cancellationToken);
        if (created is null)
            return null;
        var status = await ListSubscriptionsAsync(topic, name, cancellationToken);
        return status.Count == 1 ? (status[0], created.Value) : null;
    }

    public Task<bool> DeleteSubscriptionAsync(Topic topic, string name, CancellationToken cancellationToken) =>
        WriteAsync(session => SubscriptionTable.Delete(session, topic, name), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<PushSubscription>> ListPushSubscriptionsAsync(CancellationToken cancellationToken) =>
        Readers.ReadAsync(SubscriptionTable.ListPushing, cancellationToken);

    public Task<IReadOnlyList<SubscriptionStatus>> ListSubscriptionsAsync(Topic? topic, string? name, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => SubscriptionTable.List(connection, topic, name, time.GetUtcNow().ToColumn()), cancellationToken);

    public Task<FetchResult> FetchAsync(Topic topic, string subscription, int max, TimeSpan? lease, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => DeliveryTable.Fetch(session, topic, subscription, max, lease), SpaceNeed.Little, cancellationToken, Math.Min(max, RowsOfAFetch));

    public Task<FetchResult> FetchToPushAsync(PushSubscription subscription, int max, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => DeliveryTable.FetchToPush(session, subscription, max), SpaceNeed.Little, cancellationToken, Math.Min(max, RowsOfAFetch));

    public Task<IReadOnlyList<LeaseToken>> AcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => DeliveryTable.Acknowledge(session, topic, subscription, tokens), SpaceNeed.Little, cancellationToken, tokens.Count);

    public Task<NackResult> NegativeAcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<NegativeAcknowledgement> returned, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => DeliveryTable.NegativeAcknowledge(session, topic, subscription, returned), SpaceNeed.Little, cancellationToken, returned.Count);

    public Task<IReadOnlyList<LeaseToken>> ExtendAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken) =>
        Writer.RunAsync(session => DeliveryTable.Extend(session, topic, subscription, tokens, lease), SpaceNeed.Little, cancellationToken, tokens.Count);

    public Task<bool> RewindAsync(Topic topic, string subscription, RewindTarget target, CancellationToken cancellationToken) =>
        WriteAsync(session => SubscriptionTable.Rewind(session, topic, subscription, target), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<DeadLetter>> ListDeadAsync(
        Topic topic, string subscription, long after, int limit, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => DeliveryTable.ListDead(connection, topic, subscription, after, limit), cancellationToken);

    public Task<int> ReplayDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken) =>
        OverDeadAsync(topic, subscription, ids, DeliveryTable.ReplayDead, cancellationToken);

    public Task<int> DiscardDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken) =>
        OverDeadAsync(topic, subscription, ids, DeliveryTable.DiscardDead, cancellationToken);

    // Sources

    public Task<bool> PutSourceAsync(SourceSettings settings, CancellationToken cancellationToken) =>
        WriteAsync(session => SourceTable.Put(session, settings), SpaceNeed.Adds, cancellationToken);

    public Task<bool> DeleteSourceAsync(string name, CancellationToken cancellationToken) =>
        WriteAsync(session => SourceTable.Delete(session, name), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<SourceStatus>> ListSourcesAsync(string? name, CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => SourceTable.List(connection, name), cancellationToken);

    public Task<bool> AskForPollAsync(string source, CancellationToken cancellationToken) =>
        WriteAsync(session => SourceTable.AskFor(session, source), SpaceNeed.Little, cancellationToken);

    public Task RecordPollAsync(string source, PollRecord record, CancellationToken cancellationToken) =>
        WriteAsync(session => SourceTable.Record(session, source, record), SpaceNeed.Little, cancellationToken);

    // Access tokens

    public Task<bool> AddTokenAsync(AccessToken token, CancellationToken cancellationToken) =>
        WriteAsync(session => TokenTable.Add(session, token), SpaceNeed.Adds, cancellationToken);

    public Task<bool> DeleteTokenAsync(string name, CancellationToken cancellationToken) =>
        WriteAsync(session => TokenTable.Delete(session, name), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<AccessToken>> ListTokensAsync(CancellationToken cancellationToken) =>
        Readers.ReadAsync(TokenTable.List, cancellationToken);

    public Task TouchTokenAsync(string name, DateTimeOffset usedAt, CancellationToken cancellationToken) =>
        WriteAsync(session => TokenTable.Touch(session, name, usedAt), SpaceNeed.Little, cancellationToken);

    // Nodes

    public Task HeartbeatAsync(NodeReport node, CancellationToken cancellationToken) =>
        WriteAsync(session => NodeTable.Heartbeat(session, node), SpaceNeed.Little, cancellationToken);

    public Task RemoveNodeAsync(string id, CancellationToken cancellationToken) =>
        WriteAsync(session => NodeTable.Remove(session, id), SpaceNeed.Little, cancellationToken);

    public Task<IReadOnlyList<NodeStatus>> ListNodesAsync(CancellationToken cancellationToken) =>
        Readers.ReadAsync(connection => NodeTable.List(connection, time.GetUtcNow().ToColumn()), cancellationToken);

    // Maintenance

    public Task<PurgeStep> PurgeStepAsync(CancellationToken cancellationToken) => _purge!.StepAsync(cancellationToken);

    public Task<StoreReport> ReportAsync(CancellationToken cancellationToken)
    {
        var directory = _directory!;
        var wal = Length(directory.WalFile);
        var warnings = new List<Warning>();
        if (Writer.IsDiskFull)
            warnings.Add(new Warning("disk-full", "The disk is full. Adds are refused until space returns; fetches and acknowledgements go on."));
        if (wal > LargeWalBytes)
            warnings.Add(new Warning("wal-large", $"The write-ahead log holds {wal >> 20} MiB. Something reads for too long and keeps it from being folded into the database."));
        return Task.FromResult(new StoreReport(
            "sqlite", SqliteLibrary.Version.ToString(), Length(directory.DatabaseFile), wal, directory.FreeBytes, warnings));
    }

    public ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return ValueTask.CompletedTask;
        _writer?.Dispose();
        _isDisposed = true;
        _readers?.Dispose();
        _directory?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static long Length(string file) => new FileInfo(file) is { Exists: true } info ? info.Length : 0;

    private Task<T> WriteAsync<T>(Func<WriteSession, T> work, SpaceNeed need, CancellationToken cancellationToken) =>
        Writer.RunAsync(work, need, cancellationToken);

    /// <summary>In steps, because nobody knows how many dead letters there are.</summary>
    private async Task<int> OverDeadAsync(
        Topic topic, string subscription, IReadOnlyList<long>? ids,
        Func<WriteSession, Topic, string, IReadOnlyList<long>, int> step, CancellationToken cancellationToken)
    {
        var total = 0;
        if (ids is not null)
        {
            foreach (var some in ids.Chunk(DeadLettersPerStep))
                total += await WriteStepAsync(some);
            return total;
        }

        while (true)
        {
            var some = await Readers.ReadAsync(
                connection => DeliveryTable.DeadIds(connection, topic, subscription, DeadLettersPerStep), cancellationToken);
            if (some.Count == 0)
                return total;
            total += await WriteStepAsync(some);
        }

        Task<int> WriteStepAsync(IReadOnlyList<long> some) => Writer.RunAsync(
            session => step(session, topic, subscription, some), SpaceNeed.Little, cancellationToken, some.Count);
    }
}
