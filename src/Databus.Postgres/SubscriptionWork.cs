using Databus.Destinations;
using Databus.Topics;
using Npgsql;

namespace Databus.Postgres;

/// <summary>Which of a subscription's deliveries a piece of work changes.</summary>
internal enum DeliveriesToChange
{
    /// <summary>Those that may be handed out again now.</summary>
    Due,

    /// <summary>Those of certain fences.</summary>
    OfFences,

    All,
}

/// <summary>
/// A transaction on one subscription, alone over all nodes: one round trip locks and loads, the decisions are made
/// here, a second one writes and commits.
/// </summary>
internal sealed class SubscriptionWork : IAsyncDisposable
{
    /// <summary>
    /// Items in one row at most: an acknowledgement of a single one writes its row anew.
    /// </summary>
    private const int MaxItemsPerRow = 100;
    private const int MicrosecondsPerMillisecond = 1000;

    private readonly NpgsqlConnection _connection;
    private readonly List<DeliveryRow> _rows = [];
    private readonly List<(long Item, int Attempts, string Reason)> _buried = [];
    private readonly List<long> _deadToRemove = [];
    private readonly List<(long Id, byte[] Content, long AddedAt)> _newItems = [];
    private long _fenceBefore;
    private long _positionBefore;
    private bool _isOpen;

    private SubscriptionWork(NpgsqlConnection connection, Topic topic, int number)
    {
        _connection = connection;
        Topic = topic;
        Number = number;
    }

    public Topic Topic { get; }

    public int Number { get; }

    public long Now { get; private set; }

    public long Lease { get; private set; }

    public int MaxAttempts { get; private set; }

    public int MaxInFlight { get; private set; }

    public long LastId { get; private set; }

    /// <summary>Its destination, unless it is paused.</summary>
    public DestinationSettings? PushesTo { get; private set; }

    public long Position { get; set; }

    /// <summary>Of the last row written; grows with every row.</summary>
    public long Fence { get; private set; }

    /// <summary>Items leased or waiting, in rows loaded or not.</summary>
    public int InFlight { get; private set; }

    /// <summary>The rows that may be changed, oldest first.</summary>
    public IReadOnlyList<DeliveryRow> Rows => _rows;

    /// <summary>When the first of the rows that were not loaded comes due.</summary>
    public long? NextDueOfOthers { get; private set; }

    /// <summary>The smallest fence of all rows; none below it will ever be written.</summary>
    public long Floor { get; private set; }

    /// <summary>What of the log lies after the position, up to the limit that was asked for.</summary>
    public IReadOnlyList<(long Id, byte[] Content, long AddedAt)> Ahead => _newItems;

    /// <summary>Locks the subscription and loads it. Null: it is gone, or its topic is.</summary>
    /// <param name="floor">No row has a smaller fence.</param>
    /// <param name="lastFence">The position has this fence or a larger one: with statistics of a nearly empty table all that it ever had would be read.</param>
    /// <param name="ahead">New items to read at most, and no more than may be in flight unless <paramref name="unlimited"/>.</param>
    public static async Task<SubscriptionWork?> BeginAsync(
        NpgsqlConnection connection, Topic topic, int number, long? time, long floor, DeliveriesToChange which,
        IReadOnlyCollection<long>? fences = null, int ahead = 0, bool unlimited = false, int maxBytes = 0, long lastFence = 0)
    {
        var work = new SubscriptionWork(connection, topic, number);
        await using var batch = connection.CreateBatch()
            .With("BEGIN")
            .With("SELECT pg_advisory_xact_lock($1, $2)", Locks.Subscription, number)
            .With(
                """
                SELECT s.lease, s.max_attempts, s.max_in_flight, p.position, p.fence, t.last_id, databus.now_in_ms($2::bigint),
                       s.destination_kind, s.destination_configuration, s.paused
                FROM databus.subscriptions s
                JOIN databus.live_topics t USING (topic_id)
                CROSS JOIN LATERAL (
                    SELECT position, fence FROM databus.positions p WHERE p.subscription_id = $1 AND p.fence >= $3 ORDER BY fence DESC LIMIT 1) p
                WHERE s.subscription_id = $1 AND s.name IS NOT NULL
                """, number, time, lastFence);

        // The rows to change are locked, because an acknowledgement needs no lock of the subscription.
        _ = which switch
        {
            DeliveriesToChange.Due => batch.With(
                """
                SELECT fence, due_at, leased, attempt, item_ids, reason FROM databus.deliveries
                WHERE subscription_id = $1 AND fence >= $2 AND due_at <= databus.now_in_ms($3::bigint) ORDER BY fence, due_at FOR UPDATE
                """, number, floor, time),
            DeliveriesToChange.OfFences => batch.With(
                """
                SELECT fence, due_at, leased, attempt, item_ids, reason FROM databus.deliveries
                WHERE subscription_id = $1 AND fence BETWEEN $3 AND $4 AND fence = ANY($2) ORDER BY fence, due_at FOR UPDATE
                """, number, fences!.ToArray(), fences!.Min(), fences!.Max()),
            _ => batch.With(
                """
                SELECT fence, due_at, leased, attempt, item_ids, reason FROM databus.deliveries
                WHERE subscription_id = $1 AND fence >= $2 ORDER BY fence, due_at FOR UPDATE
                """, number, floor),
        };
        batch.With(
            """
            SELECT fence, due_at, cardinality(item_ids) FROM databus.deliveries WHERE subscription_id = $1 AND fence >= $2
            """, number, floor);
        if (ahead > 0)
        {
            batch.With(
                """
                SELECT item_id, content, added_at
                FROM (SELECT i.*, sum(octet_length(content)) OVER (ORDER BY item_id) - octet_length(content) AS bytes_before
                      FROM (SELECT item_id, content, added_at FROM databus.items
                            WHERE topic_id = $1
                              AND item_id > (SELECT position FROM databus.positions p WHERE p.subscription_id = $2 AND p.fence >= $8 ORDER BY fence DESC LIMIT 1)
                            ORDER BY item_id
                            LIMIT CASE WHEN $4 THEN $3 ELSE greatest(0, least($3,
                                (SELECT max_in_flight FROM databus.subscriptions WHERE subscription_id = $2)
                                - (SELECT coalesce(sum(cardinality(item_ids)), 0) FROM databus.deliveries d
                                   WHERE d.subscription_id = $2 AND d.fence >= $6
                                     AND NOT (d.due_at <= databus.now_in_ms($7::bigint))))) END) i) page
                WHERE bytes_before < $5 ORDER BY item_id
                """, topic.Number, number, (long)ahead, unlimited, (long)maxBytes, floor, time, lastFence);
        }

        work._isOpen = true;
        try
        {
            await using var rows = await batch.ExecuteReaderAsync();
            await rows.NextResultAsync();
            if (!await rows.ReadAsync())
            {
                await rows.CloseAsync();
                await work.DisposeAsync();
                return null;
            }

            work.Lease = rows.GetInt64(0);
            work.MaxAttempts = rows.GetInt32(1);
            work.MaxInFlight = rows.GetInt32(2);
            work.Position = work._positionBefore = rows.GetInt64(3);
            work.Fence = work._fenceBefore = rows.GetInt64(4);
            work.LastId = rows.GetInt64(5);
            work.Now = rows.GetInt64(6);
            work.PushesTo = rows.IsDBNull(7) || rows.GetBoolean(9) ? null : new DestinationSettings(rows.GetString(7), rows.GetString(8));
            await rows.NextResultAsync();
            work._rows.AddRange(await rows.RestAsync(
                row => new DeliveryRow(
                    row.GetInt64(0), row.GetInt64(1), row.GetBoolean(2), row.GetInt32(3), [.. row.GetFieldValue<long[]>(4)], row.Text(5)),
                CancellationToken.None));
            await rows.NextResultAsync();
            work.Floor = long.MaxValue;
            var loaded = work._rows.Select(row => (row.Fence, row.DueAt)).ToHashSet();
            while (await rows.ReadAsync())
            {
                var (fence, due, items) = (rows.GetInt64(0), rows.GetInt64(1), rows.GetInt32(2));
                work.Floor = Math.Min(work.Floor, fence);
                if (loaded.Contains((fence, due)))
                    continue;
                work.InFlight += items;
                work.NextDueOfOthers = Math.Min(work.NextDueOfOthers ?? long.MaxValue, due);
            }

            work.InFlight += work._rows.Sum(row => row.Items.Count);
            work.Floor = Math.Min(work.Floor, work.Fence + 1);
            if (ahead > 0)
            {
                await rows.NextResultAsync();
                work._newItems.AddRange(await rows.RestAsync(
                    row => (row.GetInt64(0), row.GetFieldValue<byte[]>(1), row.GetInt64(2)), CancellationToken.None));
            }

            return work;
        }
        catch
        {
            await work.DisposeAsync();
            throw;
        }
    }

    /// <summary>A fence for a new row. Grows even where the clock goes back, so that no earlier token is ever current again.</summary>
    public long NextFence() => Fence = Math.Max(Fence + 1, Now * MicrosecondsPerMillisecond);

    /// <summary>Writes items down that share their fate, in rows of bounded size, and says the fence of each.</summary>
    public List<(long Item, long Fence)> Add(bool leased, int attempt, long dueAt, string? reason, IReadOnlyCollection<long> items)
    {
        var fences = new List<(long Item, long Fence)>(items.Count);
        foreach (var chunk in items.Chunk(MaxItemsPerRow))
        {
            var row = new DeliveryRow(NextFence(), dueAt, leased, attempt, [.. chunk], reason) { IsNew = true };
            _rows.Add(row);
            InFlight += chunk.Length;
            fences.AddRange(chunk.Select(item => (item, row.Fence)));
        }

        return fences;
    }

    /// <summary>Moves items of a row to another due time; their fence, and so their tokens, stay.</summary>
    public void Extend(DeliveryRow row, long item, long dueAt)
    {
        if (row.DueAt == dueAt || !row.Items.Remove(item))
            return;
        row.IsChanged = true;
        var target = _rows.Find(other => other.Fence == row.Fence && other.DueAt == dueAt);
        if (target is null)
            _rows.Add(target = new DeliveryRow(row.Fence, dueAt, Leased: true, row.Attempt, [], row.Reason) { IsNew = true });
        target.Items.Add(item);
        target.IsChanged = true;
    }

    public void Take(DeliveryRow row, long item)
    {
        if (!row.Items.Remove(item))
            return;
        row.IsChanged = true;
        InFlight--;
    }

    public void Bury(DeliveryRow row, long item, int attempts, string reason)
    {
        Take(row, item);
        _buried.Add((item, attempts, reason.Replace('\0', '\uFFFD')));
    }

    public void RemoveDead(IEnumerable<long> items) => _deadToRemove.AddRange(items);

    /// <summary>
    /// Items that are handed out again, in the order given, as many as fit into the bytes; without content where retention
    /// has removed the item.
    /// </summary>
    public Task<List<(long Id, byte[]? Content, long AddedAt)>> ContentsAsync(long[] items, int maxBytes) => _connection.Command(
        """
        SELECT id, content, added_at
        FROM (SELECT g.id, g.n, i.content, i.added_at,
                     sum(coalesce(octet_length(i.content), 0)) OVER (ORDER BY n) - coalesce(octet_length(i.content), 0) AS bytes_before
              FROM unnest($2::bigint[]) WITH ORDINALITY AS g(id, n)
              LEFT JOIN databus.items i ON i.topic_id = $1 AND i.item_id = g.id) page
        WHERE bytes_before < $3 ORDER BY n
        """, Topic.Number, items, (long)maxBytes).RowsAsync(
        rows => (rows.GetInt64(0), rows.IsDBNull(1) ? null : rows.GetFieldValue<byte[]>(1), rows.Number(2) ?? 0), CancellationToken.None);

    public Task<long> FirstKeptAsync() => ItemTable.FirstKeptAsync(_connection, Topic.Number, LastId);

    public Task<long?> FirstAtAsync(long time) => ItemTable.FirstAtAsync(_connection, Topic.Number, LastId, time);

    /// <summary>The dead letters among these; null: all.</summary>
    public Task<List<long>> DeadAsync(IReadOnlyCollection<long>? among, int limit) => _connection.Command(
        """
        SELECT item_id FROM databus.dead_letters WHERE subscription_id = $1 AND ($2::bigint[] IS NULL OR item_id = ANY($2)) ORDER BY item_id LIMIT $3
        """, Number, among?.ToArray(), limit).RowsAsync(rows => rows.GetInt64(0), CancellationToken.None);

    /// <summary>Writes what changed and commits: one round trip.</summary>
    public async Task CommitAsync()
    {
        await using var batch = _connection.CreateBatch();
        var gone = _rows.FindAll(row => !row.IsNew && row.Items.Count == 0);
        if (gone.Count > 0)
        {
            batch.With(
                """
                DELETE FROM databus.deliveries d USING unnest($2::bigint[], $3::bigint[]) g(fence, due_at)
                WHERE d.subscription_id = $1 AND d.fence BETWEEN $4 AND $5 AND d.fence = g.fence AND d.due_at = g.due_at
                """, Number, gone.ConvertAll(row => row.Fence), gone.ConvertAll(row => row.DueAt), gone.Min(row => row.Fence), gone.Max(row => row.Fence));
        }

        foreach (var row in _rows.Where(row => row is { IsNew: false, IsChanged: true, Items.Count: > 0 }))
        {
            batch.With(
                "UPDATE databus.deliveries SET item_ids = $4 WHERE subscription_id = $1 AND fence = $2 AND due_at = $3",
                Number, row.Fence, row.DueAt, row.Items);
        }

        foreach (var row in _rows.Where(row => row is { IsNew: true, Items.Count: > 0 }))
        {
            batch.With(
                """
                INSERT INTO databus.deliveries AS d (subscription_id, fence, due_at, leased, attempt, item_ids, reason)
                VALUES ($1, $2, $3, $4, $5, $6, $7::text)
                ON CONFLICT (subscription_id, fence, due_at) DO UPDATE SET item_ids = d.item_ids || excluded.item_ids
                """, Number, row.Fence, row.DueAt, row.Leased, row.Attempt, row.Items, row.Reason?.Replace('\0', '\uFFFD'));
        }

        if (_deadToRemove.Count > 0)
        {
            batch.With("DELETE FROM databus.dead_letters WHERE subscription_id = $1 AND item_id = ANY($2)", Number, _deadToRemove);
        }

        if (_buried.Count > 0)
        {
            batch.With(
                """
                INSERT INTO databus.dead_letters (subscription_id, item_id, attempts, reason, died_at)
                SELECT $1, b.item_id, b.attempts, b.reason, $5 FROM unnest($2::bigint[], $3::integer[], $4::text[]) b(item_id, attempts, reason)
                ON CONFLICT (subscription_id, item_id) DO UPDATE SET
                    attempts = excluded.attempts, reason = excluded.reason, died_at = excluded.died_at
                """,
                Number, _buried.ConvertAll(b => b.Item), _buried.ConvertAll(b => b.Attempts), _buried.ConvertAll(b => b.Reason), Now);
        }

        if (Fence != _fenceBefore || Position != _positionBefore)
        {
            // Not an update: see the schema.
            if (Fence == _fenceBefore)
                NextFence();
            batch.With("INSERT INTO databus.positions (subscription_id, fence, position) VALUES ($1, $2, $3)", Number, Fence, Position);
            batch.With("DELETE FROM databus.positions WHERE subscription_id = $1 AND fence = $2", Number, _fenceBefore);
        }

        batch.With("COMMIT");
        await batch.ExecuteNonQueryAsync();
        _isOpen = false;
    }

    /// <summary>Without a commit before it: nothing happened.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_isOpen)
            return;
        _isOpen = false;
        if (_connection.State == System.Data.ConnectionState.Open)
            await _connection.Command("ROLLBACK").RunAsync(CancellationToken.None);
    }
}

/// <summary>Items that share their fate so far.</summary>
internal sealed record DeliveryRow(long Fence, long DueAt, bool Leased, int Attempt, List<long> Items, string? Reason)
{
    public bool IsNew { get; init; }

    public bool IsChanged { get; set; }
}
