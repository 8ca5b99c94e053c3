using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;
using Npgsql;

namespace Databus.Postgres;

/// <summary>What is leased or waits to be delivered again, and the dead letters.</summary>
internal static class DeliveryTable
{
    private const int MaxBytesPerFetch = 8 << 20;
    public const int DeadLettersPerStep = 500;

    /// <summary>Fences follow the clock in microseconds.</summary>
    private const long LongestStretch = 5_000_000;
    private const string LeaseEnded = "No acknowledgement came before the lease ended.";
    private const string ReturnedWithoutReason = "Returned by the consumer without a reason.";

    /// <summary>Null: the subscription is gone. With the result comes the smallest fence there can be from now on.</summary>
    /// <param name="destination">Where the deliveries are pushed to; null: they are pulled.</param>
    public static async Task<(FetchResult Result, long Floor, long LastFence)?> FetchAsync(
        NpgsqlConnection connection, Topic topic, int number, int max, TimeSpan? lease, DestinationSettings? destination, long floor, long lastFence, long? time)
    {
        await using var work = await SubscriptionWork.BeginAsync(
            connection, topic, number, time, floor, DeliveriesToChange.Due, ahead: max, unlimited: lease == TimeSpan.Zero, maxBytes: MaxBytesPerFetch,
            lastFence: lastFence);
        if (work is null)
            return null;

        // Those who pull get nothing of a subscription that pushes; who pushes, only to where it pushes now.
        if (work.PushesTo != destination)
            return (destination is null ? FetchResult.Nothing with { Pushes = true } : FetchResult.Nothing, work.Floor, work.Fence);
        var fetch = new Fetching(work, max, lease?.ToColumn() ?? work.Lease);
        await fetch.TakeDueAsync();
        fetch.TakeNew();
        var result = fetch.Result();
        await work.CommitAsync();
        return (result, work.Floor, work.Fence);
    }

    /// <summary>
    /// Ends deliveries of one subscription for good, for all acknowledgements that wait on this node. Takes no lock of
    /// the subscription: a lease that has not ended is changed by nobody but its holder, and rows are locked as they
    /// are read.
    /// </summary>
    /// <returns>The tokens that were current.</returns>
    public static async Task<HashSet<LeaseToken>> AcknowledgeAsync(
        NpgsqlConnection connection, Topic topic, string name, IEnumerable<LeaseToken> tokens, long? time)
    {
        await using var batch = connection.CreateBatch();
        foreach (var stretch in Stretches(tokens))
        {
            // The bounds say again what the equations say: statistics that take the table for empty, as it nearly is,
            // would otherwise let every row be looked at that is not yet vacuumed away.
            batch.With(
                """
                WITH given AS MATERIALIZED (
                    SELECT DISTINCT item_id, fence FROM unnest($3::bigint[], $4::bigint[]) g(item_id, fence)
                ), reader AS MATERIALIZED (
                    SELECT subscription_id FROM databus.subscriptions WHERE topic_id = $1 AND name = $2
                ), held AS MATERIALIZED (
                    SELECT d.fence, d.due_at, d.item_ids FROM databus.deliveries d
                    WHERE d.subscription_id = (SELECT subscription_id FROM reader) AND d.fence BETWEEN $6 AND $7
                      AND d.fence = ANY($4) AND d.leased AND d.due_at > databus.now_in_ms($5::bigint)
                    ORDER BY d.fence, d.due_at FOR UPDATE
                ), opened AS MATERIALIZED (
                    SELECT h.fence, h.due_at, id AS item_id, g.item_id IS NOT NULL AS ended
                    FROM held h CROSS JOIN unnest(h.item_ids) id LEFT JOIN given g ON g.fence = h.fence AND g.item_id = id
                ), remaining AS MATERIALIZED (
                    SELECT fence, due_at, array_agg(item_id ORDER BY item_id) FILTER (WHERE NOT ended) AS item_ids
                    FROM opened GROUP BY fence, due_at HAVING bool_or(ended)
                ), removed AS (
                    DELETE FROM databus.deliveries d USING remaining r
                    WHERE d.subscription_id = (SELECT subscription_id FROM reader) AND d.fence BETWEEN $6 AND $7
                      AND d.fence = r.fence AND d.due_at = r.due_at AND r.item_ids IS NULL
                ), shrunk AS (
                    UPDATE databus.deliveries d SET item_ids = r.item_ids FROM remaining r
                    WHERE d.subscription_id = (SELECT subscription_id FROM reader) AND d.fence BETWEEN $6 AND $7
                      AND d.fence = r.fence AND d.due_at = r.due_at AND r.item_ids IS NOT NULL
                )
                SELECT item_id, fence FROM opened WHERE ended
                """,
                topic.Number, name, stretch.ConvertAll(token => token.Id), stretch.ConvertAll(token => token.Fence), time,
                stretch[0].Fence, stretch[^1].Fence);
        }

        var current = new HashSet<LeaseToken>();
        await using var rows = await batch.ExecuteReaderAsync();
        do
        {
            current.UnionWith(await rows.RestAsync(row => new LeaseToken(row.GetInt64(0), row.GetInt64(1)), CancellationToken.None));
        }
        while (await rows.NextResultAsync());
        return current;
    }

    public static async Task<NackResult?> NegativeAcknowledgeAsync(
        NpgsqlConnection connection, Topic topic, int number, IReadOnlyList<NegativeAcknowledgement> returns, long floor, long? time)
    {
        await using var work = await SubscriptionWork.BeginAsync(
            connection, topic, number, time, floor, DeliveriesToChange.OfFences, [.. returns.Select(one => one.Token.Fence)]);
        if (work is null)
            return null;
        var held = HeldItems(work);
        var lost = new List<LeaseToken>();
        var again = new List<(int Attempt, long DueAt, string? Reason, long Item)>();
        var dead = 0;
        foreach (var (token, delay, reason, use) in returns)
        {
            if (!held.Remove(token, out var row))
            {
                lost.Add(token);
            }
            else if (use == AttemptUse.IsTheLast || (use == AttemptUse.Counts && row.Attempt >= work.MaxAttempts))
            {
                work.Bury(row, token.Id, row.Attempt, reason ?? ReturnedWithoutReason);
                dead++;
            }
            else
            {
                work.Take(row, token.Id);
                again.Add((row.Attempt - (use == AttemptUse.DoesNotCount ? 1 : 0), work.Now + delay.ToColumn(), reason, token.Id));
            }
        }

        foreach (var group in again.GroupBy(one => (one.Attempt, one.DueAt, one.Reason)))
            work.Add(leased: false, group.Key.Attempt, group.Key.DueAt, group.Key.Reason, [.. group.Select(one => one.Item)]);
        await work.CommitAsync();
        return new NackResult(again.Count, dead, lost);
    }

    /// <summary>The tokens that are not current; null: the subscription is gone.</summary>
    public static async Task<IReadOnlyList<LeaseToken>?> ExtendAsync(
        NpgsqlConnection connection, Topic topic, int number, IReadOnlyList<LeaseToken> tokens, TimeSpan lease, long floor, long? time)
    {
        await using var work = await SubscriptionWork.BeginAsync(
            connection, topic, number, time, floor, DeliveriesToChange.OfFences, [.. tokens.Select(token => token.Fence)]);
        if (work is null)
            return null;
        var held = HeldItems(work);
        var lost = new List<LeaseToken>();
        foreach (var token in tokens)
        {
            if (held.TryGetValue(token, out var row))
                work.Extend(row, token.Id, work.Now + lease.ToColumn());
            else
                lost.Add(token);
        }

        await work.CommitAsync();
        return lost;
    }

    public static async Task<bool> RewindAsync(NpgsqlConnection connection, Topic topic, int number, RewindTarget target, long? time)
    {
        await using var work = await SubscriptionWork.BeginAsync(connection, topic, number, time, floor: 0, DeliveriesToChange.All);
        if (work is null)
            return false;
        var after = target.Id ?? (await work.FirstAtAsync(target.Time!.Value.ToColumn()) ?? (work.LastId + 1)) - 1;
        work.Position = Math.Clamp(after, await work.FirstKeptAsync() - 1, work.LastId);
        foreach (var row in work.Rows)
        {
            foreach (var item in row.Items.Where(item => item > work.Position).ToList())
                work.Take(row, item);
        }

        await work.CommitAsync();
        return true;
    }

    public static async Task<IReadOnlyList<DeadLetter>> ListDeadAsync(
        NpgsqlConnection connection, Topic topic, string name, long after, int limit, CancellationToken cancellationToken) =>
        await connection.Command(
            """
            SELECT item_id, content, added_at, attempts, reason, died_at
            FROM (SELECT l.item_id, i.content, i.added_at, l.attempts, l.reason, l.died_at,
                         sum(octet_length(i.content)) OVER (ORDER BY l.item_id) - octet_length(i.content) AS bytes_before
                  FROM (SELECT l.* , s.topic_id FROM databus.subscriptions s JOIN databus.dead_letters l USING (subscription_id)
                        WHERE s.topic_id = $1 AND s.name = $2 AND l.item_id > $3 ORDER BY l.item_id LIMIT $4) l
                  JOIN databus.items i USING (topic_id, item_id)) page
            WHERE bytes_before < $5 ORDER BY item_id
            """, topic.Number, name, after, limit, MaxBytesPerFetch).RowsAsync(
            rows => new DeadLetter(
                rows.GetInt64(0), rows.GetFieldValue<byte[]>(1), rows.Time(2), rows.GetInt32(3), rows.GetString(4), rows.Time(5)),
            cancellationToken);

    /// <summary>One step of a replay. Null: the subscription is gone.</summary>
    public static async Task<int?> ReplayDeadAsync(
        NpgsqlConnection connection, Topic topic, int number, IReadOnlyCollection<long>? ids, long? time)
    {
        await using var work = await SubscriptionWork.BeginAsync(connection, topic, number, time, floor: 0, DeliveriesToChange.All);
        if (work is null)
            return null;
        var dead = await work.DeadAsync(ids, DeadLettersPerStep);
        work.RemoveDead(dead);

        // After a rewind an item behind the position comes anew by itself; one that is on its way is on its way.
        var underWay = work.Rows.SelectMany(row => row.Items).ToHashSet();
        work.Add(
            leased: false, attempt: 0, work.Now, reason: null,
            [.. dead.Where(item => item <= work.Position && !underWay.Contains(item))]);
        await work.CommitAsync();
        return dead.Count;
    }

    public static Task<int> DiscardDeadAsync(NpgsqlConnection connection, Topic topic, string name, IReadOnlyCollection<long>? ids) =>
        connection.Command(
            """
            DELETE FROM databus.dead_letters WHERE (subscription_id, item_id) IN (
                SELECT l.subscription_id, l.item_id FROM databus.subscriptions s JOIN databus.dead_letters l USING (subscription_id)
                WHERE s.topic_id = $1 AND s.name = $2 AND ($3::bigint[] IS NULL OR l.item_id = ANY($3)) ORDER BY l.item_id LIMIT $4)
            """, topic.Number, name, ids?.ToArray(), DeadLettersPerStep).RunAsync(CancellationToken.None);

    /// <summary>By fence, and so that no stretch reaches over more than some seconds.</summary>
    private static IEnumerable<List<LeaseToken>> Stretches(IEnumerable<LeaseToken> tokens)
    {
        var stretch = new List<LeaseToken>();
        foreach (var token in tokens.OrderBy(token => token.Fence))
        {
            if (stretch.Count > 0 && token.Fence - stretch[0].Fence > LongestStretch)
            {
                yield return stretch;
                stretch = [];
            }

            stretch.Add(token);
        }

        if (stretch.Count > 0)
            yield return stretch;
    }

    private static Dictionary<LeaseToken, DeliveryRow> HeldItems(SubscriptionWork work)
    {
        var held = new Dictionary<LeaseToken, DeliveryRow>();
        foreach (var row in work.Rows.Where(row => row.Leased && row.DueAt > work.Now))
        {
            foreach (var item in row.Items)
                held[new LeaseToken(item, row.Fence)] = row;
        }

        return held;
    }

    /// <summary>One fetch, step by step.</summary>
    private sealed class Fetching(SubscriptionWork work, int max, long lease)
    {
        private readonly List<(long Id, byte[] Content, long AddedAt, int Attempt, string? Reason)> _taken = [];
        private int _bytes;

        private bool AcknowledgesAtOnce => lease == 0;

        private bool IsFull => _taken.Count >= max || _bytes >= MaxBytesPerFetch;

        public async Task TakeDueAsync()
        {
            var due = new Queue<(DeliveryRow Row, long Item)>(work.Rows
                .SelectMany(row => row.Items.Select(item => (Row: row, Item: item)))
                .OrderBy(pair => pair.Row.DueAt).ThenBy(pair => pair.Item));

            // What is buried makes room, so one look may not be enough.
            while (due.Count > 0 && !IsFull)
            {
                var candidates = due.Take(max - _taken.Count).ToList();
                var found = await work.ContentsAsync([.. candidates.Select(pair => pair.Item)], MaxBytesPerFetch - _bytes);
                foreach (var (item, content, addedAt) in found)
                {
                    var (row, _) = due.Dequeue();
                    if (content is null)
                    {
                        work.Take(row, item);
                    }
                    else if (row.Attempt >= work.MaxAttempts)
                    {
                        work.Bury(row, item, row.Attempt, row.Reason ?? LeaseEnded);
                    }
                    else
                    {
                        work.Take(row, item);
                        _taken.Add((item, content, addedAt, row.Attempt + 1, row.Reason));
                        _bytes += content.Length;
                    }
                }
            }
        }

        public void TakeNew()
        {
            var room = Math.Min(max - _taken.Count, AcknowledgesAtOnce ? int.MaxValue : work.MaxInFlight - work.InFlight - _taken.Count);
            foreach (var (id, content, addedAt) in work.Ahead)
            {
                if (room-- <= 0 || _bytes >= MaxBytesPerFetch)
                    break;
                _taken.Add((id, content, addedAt, 1, null));
                _bytes += content.Length;
                work.Position = id;
            }
        }

        public FetchResult Result()
        {
            var fences = new Dictionary<long, long>();
            if (!AcknowledgesAtOnce)
            {
                foreach (var alike in _taken.GroupBy(item => (item.Attempt, item.Reason)))
                {
                    foreach (var (item, fence) in work.Add(leased: true, alike.Key.Attempt, work.Now + lease, alike.Key.Reason, [.. alike.Select(item => item.Id)]))
                        fences[item] = fence;
                }
            }

            var live = work.Rows.Where(row => row.Items.Count > 0).ToList();
            var next = live.Select(row => (long?)row.DueAt).Append(work.NextDueOfOthers).Min();
            var isBehind = work.Position < work.LastId;
            return new FetchResult(
                _taken.ConvertAll(item => new Delivery(
                    item.Id, item.Content, Times.FromColumn(item.AddedAt), item.Attempt,
                    AcknowledgesAtOnce ? null : new LeaseToken(item.Id, fences[item.Id]))),
                More: IsFull && ((isBehind && work.InFlight < work.MaxInFlight) || live.Exists(row => row.DueAt <= work.Now)),
                next is { } due ? Times.FromColumn(due) : null,
                IsHeldUp: isBehind && work.InFlight >= work.MaxInFlight);
        }
    }
}
