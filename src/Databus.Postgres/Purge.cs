using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// Gives space back in small steps, each a transaction of its own, so that removing millions of rows never stalls an
/// append: deleted topics and subscriptions first, then items past their retention, what jobs have left, then expired keys. One node at a
/// time takes a step; the others leave it to that one.
/// </summary>
internal sealed class Purge(Database database)
{
    private const int RowsPerStep = 1000;
    private const int DeliveryRowsPerStep = 20;
    private const int KeysPerStep = 4000;
    private static readonly TimeSpan BetweenKeyWalks = TimeSpan.FromMinutes(10);

    // Where the retention of each topic has got to, and the walk over the keys. Lost at a restart, which costs
    // a second look and nothing else.
    private readonly Dictionary<int, long> _retained = [];
    private readonly JobPurge _jobs = new(database);
    private (int Topic, Guid Hash) _keyCursor;
    private DateTimeOffset _nextKeyWalkAt = DateTimeOffset.MinValue;

    public Task<PurgeStep> StepAsync(CancellationToken cancellationToken) => database.WriteAsync(
        async connection =>
        {
            await using var transaction = await connection.BeginTransactionAsync(CancellationToken.None);
            if (await connection.Command("SELECT pg_try_advisory_xact_lock($1, 0)", Locks.Purge).ValueAsync(CancellationToken.None) is not true)
                return new PurgeStep(0, More: false);
            var step = await RemoveDeletedAsync(connection) ?? await RemovePastRetentionAsync(connection) ?? await _jobs.StepAsync(connection)
                ?? await RemoveExpiredKeysAsync(connection);
            await transaction.CommitAsync(CancellationToken.None);
            return step;
        },
        cancellationToken);

    private static async Task<PurgeStep?> RemoveDeletedAsync(NpgsqlConnection connection)
    {
        var subscription = await connection.Command(
            """
            SELECT subscription_id FROM databus.subscriptions s LEFT JOIN databus.topics t USING (topic_id)
            WHERE s.name IS NULL OR t.name IS NULL LIMIT 1
            """).ValueAsync(CancellationToken.None) as int?;
        if (subscription is { } orphan)
            return new PurgeStep(await RemoveSubscriptionAsync(connection, orphan), More: true);
        var topic = await connection.Command("SELECT topic_id FROM databus.topics WHERE name IS NULL LIMIT 1").ValueAsync(CancellationToken.None) as int?;
        return topic is { } deleted ? new PurgeStep(await RemoveTopicAsync(connection, deleted), More: true) : null;
    }

    private static async Task<int> RemoveSubscriptionAsync(NpgsqlConnection connection, int subscription)
    {
        var removed = 0;
        if (await connection.Command(
            """
            WITH removed AS (
                DELETE FROM databus.deliveries WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.deliveries WHERE subscription_id = $1 LIMIT $2))
                RETURNING cardinality(item_ids) AS items
            )
            SELECT coalesce(sum(items), 0) FROM removed
            """, subscription, DeliveryRowsPerStep).ValueAsync(CancellationToken.None) is long items)
        {
            removed += (int)items;
        }

        foreach (var sql in (string[])[
            "DELETE FROM databus.dead_letters WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.dead_letters WHERE subscription_id = $1 LIMIT $2))",
            "DELETE FROM databus.positions WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.positions WHERE subscription_id = $1 LIMIT $2))"])
        {
            removed += await connection.Command(sql, subscription, RowsPerStep).RunAsync(CancellationToken.None);
        }

        return removed > 0
            ? removed
            : await connection.Command("DELETE FROM databus.subscriptions WHERE subscription_id = $1", subscription).RunAsync(CancellationToken.None);
    }

    private static async Task<int> RemoveTopicAsync(NpgsqlConnection connection, int topic)
    {
        var removed = await connection.Command(
            "DELETE FROM databus.items WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.items WHERE topic_id = $1 LIMIT $2))", topic, RowsPerStep)
            .RunAsync(CancellationToken.None);
        removed += await connection.Command(
            "DELETE FROM databus.keys WHERE ctid = ANY(ARRAY(SELECT ctid FROM databus.keys WHERE topic_id = $1 LIMIT $2))", topic, RowsPerStep)
            .RunAsync(CancellationToken.None);
        return removed > 0
            ? removed
            : await connection.Command("DELETE FROM databus.topics WHERE topic_id = $1", topic).RunAsync(CancellationToken.None);
    }

    private async Task<PurgeStep?> RemovePastRetentionAsync(NpgsqlConnection connection)
    {
        // What a subscription has not passed stays, however old it is: nothing is lost to a slow reader.
        var topics = await connection.Command(
            """
            SELECT topic_id, databus.now_in_ms($1::bigint) - retention, coalesce((
                SELECT min((SELECT position FROM databus.positions p WHERE p.subscription_id = s.subscription_id ORDER BY fence DESC LIMIT 1))
                FROM databus.subscriptions s WHERE s.topic_id = t.topic_id AND s.name IS NOT NULL), last_id)
            FROM databus.live_topics t WHERE retention IS NOT NULL
            """, database.GivenTime).RowsAsync(
            rows => (Topic: rows.GetInt32(0), AddedBefore: rows.GetInt64(1), LastPassed: rows.GetInt64(2)), CancellationToken.None);
        foreach (var (topic, addedBefore, lastPassed) in topics)
        {
            var seen = await connection.Command(
                """
                SELECT item_id, added_at FROM databus.items WHERE topic_id = $1 AND item_id > $2 AND item_id <= $3 ORDER BY item_id LIMIT $4
                """, topic, _retained.GetValueOrDefault(topic), lastPassed, RowsPerStep)
                .RowsAsync(rows => (Id: rows.GetInt64(0), AddedAt: rows.GetInt64(1)), CancellationToken.None);
            var old = seen.TakeWhile(item => item.AddedAt < addedBefore).ToList();
            if (old.Count == 0)
            {
                _retained[topic] = 0;
                continue;
            }

            _retained[topic] = old[^1].Id;
            return new PurgeStep(await RemoveItemsAsync(connection, topic, old[0].Id, old[^1].Id), More: true);
        }

        return null;
    }

    /// <summary>
    /// Removes what nobody holds. The subscriptions are locked first, in the order of their numbers, so that no rewind or
    /// replay comes in between.
    /// </summary>
    private static async Task<int> RemoveItemsAsync(NpgsqlConnection connection, int topic, long first, long last)
    {
        await connection.Command(
            """
            SELECT pg_advisory_xact_lock($2, subscription_id) FROM (
                SELECT subscription_id FROM databus.subscriptions WHERE topic_id = $1 AND name IS NOT NULL ORDER BY subscription_id) s
            """, topic, Locks.Subscription).RowsAsync(static _ => 0, CancellationToken.None);
        return await connection.Command(
            """
            WITH live AS MATERIALIZED (
                SELECT subscription_id, (
                    SELECT position FROM databus.positions p WHERE p.subscription_id = s.subscription_id ORDER BY fence DESC LIMIT 1) AS position
                FROM databus.subscriptions s WHERE topic_id = $1 AND name IS NOT NULL
            ), held AS MATERIALIZED (
                -- From an array, of which the planner expects little, so that it hashes it: of a table not vacuumed for long it expects too much.
                SELECT unnest((SELECT array_agg(h.item_id) FROM (
                    SELECT i.item_id FROM databus.deliveries d, unnest(d.item_ids) AS i (item_id)
                    WHERE d.subscription_id IN (SELECT subscription_id FROM live) AND i.item_id BETWEEN $2 AND $3
                    UNION ALL
                    SELECT item_id FROM databus.dead_letters
                    WHERE subscription_id IN (SELECT subscription_id FROM live) AND item_id BETWEEN $2 AND $3
                ) h)) AS item_id
            ), before AS MATERIALIZED (
                SELECT last_id, coalesce(last_added_at, 0) AS last_added_at FROM databus.live_topics WHERE topic_id = $1
            ), removed AS (
                DELETE FROM databus.items WHERE topic_id = $1 AND item_id BETWEEN $2 AND $3
                    AND item_id <= coalesce((SELECT min(position) FROM live), 9223372036854775807)
                    AND item_id NOT IN (SELECT item_id FROM held)
                RETURNING item_id
            ), counted AS (
                UPDATE databus.topics SET
                    removed_items = removed_items + (SELECT count(*) FROM removed), last_id = (SELECT last_id FROM before),
                    last_added_at = greatest(last_added_at, (SELECT last_added_at FROM before))
                WHERE topic_id = $1 AND EXISTS (SELECT FROM removed)
            )
            SELECT count(*) FROM removed
            """, topic, first, last).ValueAsync(CancellationToken.None) is long removed ? (int)removed : 0;
    }

    /// <summary>
    /// Walks the keys in their own order, a bounded stretch at a time, and begins anew some minutes after it came
    /// to the end. Until then an expired key costs its space; it counts as free all the same.
    /// </summary>
    private async Task<PurgeStep> RemoveExpiredKeysAsync(NpgsqlConnection connection)
    {
        if (database.Now < _nextKeyWalkAt)
            return new PurgeStep(0, More: false);
        var walked = await connection.Command(
            """
            WITH stretch AS MATERIALIZED (
                SELECT topic_id, key_hash, expires_at FROM databus.keys WHERE (topic_id, key_hash) > ($1, $2) ORDER BY topic_id, key_hash LIMIT $3
            ), removed AS (
                DELETE FROM databus.keys k USING stretch s
                WHERE k.topic_id = s.topic_id AND k.key_hash = s.key_hash AND s.expires_at <= databus.now_in_ms($4::bigint)
                  AND k.expires_at <= databus.now_in_ms($4::bigint)
                RETURNING k.topic_id
            )
            SELECT (SELECT count(*) FROM removed), count(*) OVER (), topic_id, key_hash FROM stretch ORDER BY topic_id DESC, key_hash DESC LIMIT 1
            """, _keyCursor.Topic, _keyCursor.Hash, KeysPerStep, database.GivenTime).RowsAsync(
            rows => (Removed: rows.GetInt64(0), Seen: rows.GetInt64(1), Topic: rows.GetInt32(2), Hash: rows.GetGuid(3)), CancellationToken.None);
        var isEnd = walked is not [{ Seen: KeysPerStep }];
        _keyCursor = isEnd ? default : (walked[0].Topic, walked[0].Hash);
        if (isEnd)
            _nextKeyWalkAt = database.Now + BetweenKeyWalks;
        return new PurgeStep(walked is [var last] ? (int)last.Removed : 0, More: !isEnd);
    }
}
