using System.Collections.Concurrent;
using Databus.Access;
using Databus.Destinations;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Sources;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// The shared store: one PostgreSQL database, any number of nodes. Each verb is a few lines here and one method beside
/// its SQL in the table it works on.
/// </summary>
public sealed class PostgresStore : IStore
{
    /// <summary>A subscription is created by its first fetch, and may be deleted again at any moment.</summary>
    private const int SubscriptionTries = 5;
    private static readonly TimeSpan PatienceAtStart = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenTriesAtStart = TimeSpan.FromMilliseconds(500);

    private readonly Database _database;
    private readonly TimeProvider _time;
    private readonly KnownTopics _topics = new();
    private readonly Announcements _announcements = new();
    private readonly Neighbours _neighbours;
    private readonly Purge _purge;
    private readonly WaitingRows _waiting;
    private readonly PostgresJobs _jobs;
    private readonly ConcurrentDictionary<int, Gathering<IReadOnlyList<NewItem>, AppendResult?>> _appends = new();
    private readonly ConcurrentDictionary<(int Topic, string Subscription), Reader> _readers = new();
    private bool _isOpen;
    private bool _isClosed;

    public PostgresStore(PostgresStoreOptions options, TimeProvider time, ILogger<PostgresStore> logger)
    {
        _time = time;
        _database = new Database(options);
        _waiting = new WaitingRows(options.MaxWaitingRows);
        _neighbours = new Neighbours(_database, _topics, _announcements, logger);
        _purge = new Purge(_database);
        _jobs = new PostgresJobs(() => Database, _waiting, _announcements);
    }

    public Action<Topic, long>? Appended { get; set; }

    public Action<Topic, string>? Woken { get; set; }

    public Action? Configured { get; set; }

    /// <summary>Never called: a database that cannot vouch for what it holds stops itself, and says so to whoever asks.</summary>
    public Action<Exception>? Failed { get; set; }

    public DateTimeOffset Now => _database.Now;

    public string? Generation => _neighbours.Generation;

    private Database Database => _isClosed ? throw PostgresErrors.Stopped()
        : _isOpen ? _database : throw new InvalidOperationException("The store is not open.");

    private long? Time => _database.GivenTime;

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        await MigrateAsync(cancellationToken);
        _neighbours.Appended = (topic, lastId) => Appended?.Invoke(topic, lastId);
        _neighbours.Woken = (topic, subscription) => Woken?.Invoke(topic, subscription);
        _neighbours.Configured = () => Configured?.Invoke();
        _neighbours.Claimable = _jobs.HearClaimable;
        _neighbours.JobsChanged = _jobs.HearChanged;
        _neighbours.HeardNothing = _jobs.HearAgain;
        await _neighbours.StartAsync(cancellationToken);
        _isOpen = true;
    }

    public IJobStore Jobs => _jobs;

    /// <summary>
    /// Enqueues jobs inside a transaction of the caller on the same database: they are there if and only if it commits, and only
    /// from then on; whoever waits for them is told by the commit itself. Outcomes as of <see cref="IJobStore.EnqueueAsync"/>. A
    /// unique key that another transaction is just taking is waited for. After an error of the database the transaction cannot
    /// commit any more.
    /// </summary>
    /// <param name="transaction">Open, and at READ COMMITTED. It stays the caller's.</param>
    /// <exception cref="PostgresException">The database refused it, or the transaction had failed before.</exception>
    public Task<IReadOnlyList<EnqueueOutcome>> EnqueueAsync(NpgsqlTransaction transaction, IReadOnlyList<NewJob> jobs, CancellationToken cancellationToken)
    {
        _ = Database;
        return _jobs.EnqueueAsync(transaction, jobs, cancellationToken);
    }

    // Topics

    public async ValueTask<Topic?> FindTopicAsync(string name, CancellationToken cancellationToken)
    {
        if (_topics.Find(name) is { } known)
            return known;

        // Another node may have created it a moment ago.
        var found = await Database.ReadAsync(connection => TopicTable.FindAsync(connection, name, cancellationToken), cancellationToken);
        if (found is not null)
            _topics.Learn(found);
        return found;
    }

    public async Task<(Topic Topic, bool Created)> PutTopicAsync(string name, TopicSettings? settings, CancellationToken cancellationToken)
    {
        var put = await Database.WriteAsync(
            connection => TopicTable.PutAsync(connection, name, settings, Time, CancellationToken.None), cancellationToken);
        _topics.Learn(put.Topic);
        if (put.Created || settings is not null)
            _announcements.Configured();
        return put;
    }

    public async Task<bool> DeleteTopicAsync(string name, CancellationToken cancellationToken)
    {
        var deleted = await Database.WriteAsync(connection => TopicTable.DeleteAsync(connection, name, CancellationToken.None), cancellationToken);
        if (deleted is null)
            return false;
        _topics.Forget(deleted);
        _appends.TryRemove(deleted.Number, out _);
        Appended?.Invoke(deleted, long.MaxValue);
        _announcements.Configured();
        return true;
    }

    public async Task<IReadOnlyList<TopicStatus>> ListTopicsAsync(string? name, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => TopicTable.ListAsync(connection, name, cancellationToken), cancellationToken);

    // The log

    public async Task<AppendResult?> AppendAsync(Topic topic, IReadOnlyList<NewItem> items, CancellationToken cancellationToken)
    {
        _ = Database;
        if (items.Count == 0)
            return _topics.Find(topic.Number) is null ? null : new AppendResult([], []);
        var appends = _appends.GetOrAdd(topic.Number, static (_, of) => of.Store.AppendsTo(of.Topic), (Store: this, Topic: topic));
        return await appends.AskAsync(items, items.Count, items.Sum(static item => (long)item.Content.Length), cancellationToken);
    }

    public Task<ItemPage> ReadItemsAsync(Topic topic, ItemQuery query, CancellationToken cancellationToken) =>
        Database.ReadAsync(connection => ItemTable.ReadAsync(connection, topic, query, cancellationToken), cancellationToken);

    // Subscriptions

    public async Task<(SubscriptionStatus Status, bool Created)?> PutSubscriptionAsync(
        Topic topic, string name, SubscriptionSettings settings, SubscriptionStart start, CancellationToken cancellationToken)
    {
        for (var tries = 0; tries < SubscriptionTries; tries++)
        {
            var created = await Database.WriteAsync(
                async connection => await SubscriptionTable.CreateAsync(connection, topic, name, settings, start, Time) is not null ? true
                    : await SubscriptionTable.ChangeAsync(connection, topic, name, settings) ? false : (bool?)null,
                cancellationToken);
            var status = await ListSubscriptionsAsync(topic, name, cancellationToken);
            if (created is not null && status is [var found])
            {
                _announcements.Configured();
                return (found, created.Value);
            }

            if (created is null && await IsGoneAsync(topic, cancellationToken))
                return null;
        }

        return null;
    }

    public async Task<bool> DeleteSubscriptionAsync(Topic topic, string name, CancellationToken cancellationToken)
    {
        var deleted = await Database.WriteAsync(connection => SubscriptionTable.DeleteAsync(connection, topic, name), cancellationToken);
        _readers.TryRemove((topic.Number, name), out _);
        if (deleted)
            _announcements.Configured();
        return deleted;
    }

    public async Task<IReadOnlyList<PushSubscription>> ListPushSubscriptionsAsync(CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => SubscriptionTable.ListPushingAsync(connection, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<SubscriptionStatus>> ListSubscriptionsAsync(Topic? topic, string? name, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => SubscriptionTable.ListAsync(connection, topic, name, Time, cancellationToken), cancellationToken);

    public async Task<FetchResult> FetchToPushAsync(PushSubscription subscription, int max, CancellationToken cancellationToken) =>
        await WithReaderAsync(
            subscription.Topic,
            subscription.Name,
            (connection, reader) => FetchAsync(connection, reader, subscription.Topic, max, subscription.Lease, subscription.Destination),
            cancellationToken) ?? FetchResult.Nothing;

    public async Task<FetchResult> FetchAsync(Topic topic, string subscription, int max, TimeSpan? lease, CancellationToken cancellationToken)
    {
        for (var tries = 0; tries < SubscriptionTries; tries++)
        {
            var result = await WithReaderAsync(
                topic,
                subscription,
                (connection, reader) => FetchAsync(connection, reader, topic, max, lease, destination: null),
                cancellationToken);
            if (result is not null)
                return result;
            if (await Database.WriteAsync(
                    connection => SubscriptionTable.CreateAsync(connection, topic, subscription, new SubscriptionSettings(), SubscriptionStart.Beginning, Time),
                    cancellationToken) is null
                && await IsGoneAsync(topic, cancellationToken))
            {
                return FetchResult.Nothing;
            }
        }

        return FetchResult.Nothing;
    }

    public async Task<IReadOnlyList<LeaseToken>> AcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, CancellationToken cancellationToken)
    {
        _ = Database;
        if (tokens.Count == 0)
            return [];
        var reader = ReaderOf(topic, subscription);
        return await reader.Acknowledgements.AskAsync(tokens, tokens.Count, tokens.Count, cancellationToken);
    }

    public async Task<NackResult> NegativeAcknowledgeAsync(
        Topic topic, string subscription, IReadOnlyList<NegativeAcknowledgement> returned, CancellationToken cancellationToken)
    {
        if (returned.Count == 0)
            return new NackResult(0, 0, []);
        var result = await WithReaderAsync(
            topic,
            subscription,
            (connection, reader) => DeliveryTable.NegativeAcknowledgeAsync(connection, topic, reader.Number, returned, reader.Floor, Time),
            cancellationToken);
        if (result is { Returned: > 0 } or { Dead: > 0 })
            _announcements.Woken(topic, subscription);
        return result ?? new NackResult(0, 0, [.. returned.Select(one => one.Token)]);
    }

    public async Task<IReadOnlyList<LeaseToken>> ExtendAsync(
        Topic topic, string subscription, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, CancellationToken cancellationToken) =>
        tokens.Count == 0 ? tokens : await WithReaderAsync(
            topic,
            subscription,
            (connection, reader) => DeliveryTable.ExtendAsync(connection, topic, reader.Number, tokens, lease, reader.Floor, Time),
            cancellationToken) ?? tokens;

    public async Task<bool> RewindAsync(Topic topic, string subscription, RewindTarget target, CancellationToken cancellationToken)
    {
        var found = await WithReaderAsync(
            topic,
            subscription,
            async (connection, reader) => (bool?)await DeliveryTable.RewindAsync(connection, topic, reader.Number, target, Time),
            cancellationToken) is true;
        if (found)
            _announcements.Woken(topic, subscription);
        return found;
    }

    public async Task<IReadOnlyList<DeadLetter>> ListDeadAsync(
        Topic topic, string subscription, long after, int limit, CancellationToken cancellationToken) =>
        await Database.ReadAsync(
            connection => DeliveryTable.ListDeadAsync(connection, topic, subscription, after, limit, cancellationToken), cancellationToken);

    public async Task<int> ReplayDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken)
    {
        var replayed = await StepByStepAsync(ids, some => WithReaderAsync(
            topic,
            subscription,
            (connection, reader) => DeliveryTable.ReplayDeadAsync(connection, topic, reader.Number, some, Time),
            cancellationToken));
        if (replayed > 0)
            _announcements.Woken(topic, subscription);
        return replayed;
    }

    public Task<int> DiscardDeadAsync(Topic topic, string subscription, IReadOnlyList<long>? ids, CancellationToken cancellationToken) =>
        StepByStepAsync(ids, async some => await Database.WriteAsync(
            connection => DeliveryTable.DiscardDeadAsync(connection, topic, subscription, some), cancellationToken));

    // Sources

    public async Task<bool> PutSourceAsync(SourceSettings settings, CancellationToken cancellationToken)
    {
        var created = await Database.WriteAsync(connection => SourceTable.PutAsync(connection, settings, Time), cancellationToken);
        _announcements.Configured();
        return created;
    }

    public async Task<bool> DeleteSourceAsync(string name, CancellationToken cancellationToken)
    {
        var deleted = await Database.WriteAsync(connection => SourceTable.DeleteAsync(connection, name), cancellationToken);
        _announcements.Configured();
        return deleted;
    }

    public async Task<IReadOnlyList<SourceStatus>> ListSourcesAsync(string? name, CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => SourceTable.ListAsync(connection, name, cancellationToken), cancellationToken);

    public async Task<bool> AskForPollAsync(string source, CancellationToken cancellationToken)
    {
        var found = await Database.WriteAsync(connection => SourceTable.AskForAsync(connection, source), cancellationToken);
        _announcements.Configured();
        return found;
    }

    public Task RecordPollAsync(string source, PollRecord record, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => SourceTable.RecordAsync(connection, source, record), cancellationToken);

    // Access tokens

    public Task<bool> AddTokenAsync(AccessToken token, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => TokenTable.AddAsync(connection, token), cancellationToken);

    public Task<bool> DeleteTokenAsync(string name, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => TokenTable.DeleteAsync(connection, name), cancellationToken);

    public async Task<IReadOnlyList<AccessToken>> ListTokensAsync(CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => TokenTable.ListAsync(connection, cancellationToken), cancellationToken);

    public Task TouchTokenAsync(string name, DateTimeOffset usedAt, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => TokenTable.TouchAsync(connection, name, usedAt), cancellationToken);

    // Nodes

    public Task HeartbeatAsync(NodeReport node, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => NodeTable.HeartbeatAsync(connection, node, Time), cancellationToken);

    public Task RemoveNodeAsync(string id, CancellationToken cancellationToken) =>
        Database.WriteAsync(connection => NodeTable.RemoveAsync(connection, id), cancellationToken);

    public async Task<IReadOnlyList<NodeStatus>> ListNodesAsync(CancellationToken cancellationToken) =>
        await Database.ReadAsync(connection => NodeTable.ListAsync(connection, Time, cancellationToken), cancellationToken);

    // Maintenance

    public Task<PurgeStep> PurgeStepAsync(CancellationToken cancellationToken)
    {
        _ = Database;
        return _purge.StepAsync(cancellationToken);
    }

    public Task<StoreReport> ReportAsync(CancellationToken cancellationToken) =>
        Database.ReadAsync(connection => DatabaseState.ReportAsync(connection, _neighbours.Hears, cancellationToken), cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (_isClosed)
            return;
        _isClosed = true;

        // What was asked for before is done or refused, and no connection is left behind.
        await Task.WhenAll(_appends.Values.Select(appends => appends.Idle).Concat(_readers.Values.Select(reader => reader.Acknowledgements.Idle)).Append(_jobs.Idle));
        await _neighbours.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task MigrateAsync(CancellationToken cancellationToken)
    {
        // At the start of a machine the database may need a moment longer than this program.
        var started = _time.GetTimestamp();
        while (true)
        {
            try
            {
                await _database.ReadAsync(connection => Schema.Nodes.PrepareAsync(connection, migrate: true, cancellationToken), cancellationToken);
                return;
            }
            catch (StoreException error) when (error.Problem == StoreProblem.Unavailable && error.InnerException is { } cause
                && !PostgresErrors.IsRefusal(cause) && _time.GetElapsedTime(started) < PatienceAtStart)
            {
                await Task.Delay(BetweenTriesAtStart, CancellationToken.None);
            }
        }
    }

    private Gathering<IReadOnlyList<NewItem>, AppendResult?> AppendsTo(Topic topic) => new(
        async appends =>
        {
            var asked = Database.Uptime();
            var (results, lastId, now) = await _database.WriteAsync(
                connection => ItemTable.AppendAsync(connection, topic, appends, Time), CancellationToken.None);
            if (now > 0)
                _database.Learn(now, asked);
            if (_topics.Find(topic.Number) is { } known && _topics.Reaches(known, lastId))
            {
                Appended?.Invoke(known, lastId);
                _announcements.Appended(known, lastId);
            }

            return results;
        },
        _waiting);

    private Reader ReaderOf(Topic topic, string subscription) =>
        _readers.GetOrAdd((topic.Number, subscription), static (_, of) => new Reader(of.Store, of.Topic, of.Name), (Store: this, Topic: topic, Name: subscription));

    /// <summary>Works on a subscription, one piece of work at a time on this node. Null: it is not there.</summary>
    private async Task<T?> WithReaderAsync<T>(
        Topic topic, string subscription, Func<NpgsqlConnection, Reader, Task<T?>> work, CancellationToken cancellationToken)
    {
        var database = Database;
        var reader = ReaderOf(topic, subscription);
        await reader.Turn.WaitAsync(cancellationToken);
        try
        {
            return await database.WriteAsync(
                async connection =>
                {
                    if (reader.Number == 0)
                        reader.Number = await SubscriptionTable.FindAsync(connection, topic, subscription, CancellationToken.None) ?? 0;
                    if (reader.Number == 0)
                        return default;
                    var done = await work(connection, reader);

                    // Deleted, and perhaps created anew under another number.
                    if (done is null)
                        (reader.Number, reader.LastFence) = (0, 0);
                    return done;
                },
                cancellationToken);
        }
        catch (StoreException error) when (error.Problem == StoreProblem.Unavailable)
        {
            // Whatever comes back need not be what was there.
            reader.Floor = 0;
            reader.LastFence = 0;
            reader.Number = 0;
            throw;
        }
        finally
        {
            reader.Turn.Release();
        }
    }

    private async Task<FetchResult?> FetchAsync(
        NpgsqlConnection connection, Reader reader, Topic topic, int max, TimeSpan? lease, DestinationSettings? destination)
    {
        var fetched = await DeliveryTable.FetchAsync(connection, topic, reader.Number, max, lease, destination, reader.Floor, reader.LastFence, Time);
        reader.Floor = fetched?.Floor ?? 0;
        reader.LastFence = fetched?.LastFence ?? 0;
        return fetched?.Result;
    }

    private async Task<bool> IsGoneAsync(Topic topic, CancellationToken cancellationToken) =>
        (await Database.ReadAsync(connection => TopicTable.FindAsync(connection, topic.Name, cancellationToken), cancellationToken))?.Number != topic.Number;

    /// <summary>In steps, because nobody knows how many dead letters there are.</summary>
    private static async Task<int> StepByStepAsync(IReadOnlyList<long>? ids, Func<IReadOnlyCollection<long>?, Task<int?>> step)
    {
        var total = 0;
        if (ids is not null)
        {
            foreach (var some in ids.Chunk(DeliveryTable.DeadLettersPerStep))
                total += await step(some) ?? 0;
            return total;
        }

        while (await step(null) is > 0 and var done)
            total += done;
        return total;
    }

    /// <summary>What this node knows of a subscription it works on.</summary>
    private sealed class Reader(PostgresStore store, Topic topic, string name)
    {
        public SemaphoreSlim Turn { get; } = new(1);

        /// <summary>0: not known.</summary>
        public int Number { get; set; }

        /// <summary>No delivery has a smaller fence; see the schema.</summary>
        public long Floor { get; set; }

        /// <summary>The position has this fence or a larger one.</summary>
        public long LastFence { get; set; }

        public Gathering<IReadOnlyList<LeaseToken>, IReadOnlyList<LeaseToken>> Acknowledgements { get; } = new(
            async requests =>
            {
                var current = await store._database.WriteAsync(
                    connection => DeliveryTable.AcknowledgeAsync(connection, topic, name, requests.SelectMany(tokens => tokens), store.Time),
                    CancellationToken.None);

                // Two who acknowledge the same at once: one of them is late. A token counts once.
                return [.. requests.Select(tokens => (IReadOnlyList<LeaseToken>)[.. tokens.Where(token => !current.Remove(token))])];
            },
            store._waiting);
    }
}
