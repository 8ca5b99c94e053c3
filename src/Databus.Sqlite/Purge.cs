using Databus.Storage;

namespace Databus.Sqlite;

/// <summary>
/// Gives space back in small steps, each a transaction of its own between those of the callers, so that
/// removing millions of rows never stalls an append: deleted topics and subscriptions first, then items past
/// their retention, then what is left of jobs, then expired keys.
/// </summary>
internal sealed class Purge(Writer writer, Readers readers, TimeProvider time)
{
    private const int RowsPerStep = 250;
    private const int KeysPerStep = 4000;
    private static readonly TimeSpan BetweenKeyWalks = TimeSpan.FromMinutes(10);

    private static readonly byte[] BeforeAllKeys = [];

    // Where the retention of each topic has got to, and the walk over the keys. Lost at a restart, which costs
    // a second look and nothing else.
    private readonly Dictionary<int, long> _retained = [];
    private (long Topic, byte[] Hash) _keyCursor = (0, BeforeAllKeys);
    private DateTimeOffset _nextKeyWalkAt = DateTimeOffset.MinValue;
    private readonly JobPurge _jobs = new(writer, readers, time);

    public async Task<PurgeStep> StepAsync(CancellationToken cancellationToken)
    {
        if (await RemoveDeletedAsync(cancellationToken) is { } deleted)
            return deleted;
        if (await RemovePastRetentionAsync(cancellationToken) is { } retained)
            return retained;
        if (await _jobs.StepAsync(cancellationToken) is { } ofJobs)
            return ofJobs;
        return await RemoveExpiredKeysAsync(cancellationToken);
    }

    private async Task<PurgeStep?> RemoveDeletedAsync(CancellationToken cancellationToken)
    {
        var (topic, subscription) = await readers.ReadAsync(
            connection => (
                connection["SELECT topic_id FROM topics WHERE name IS NULL LIMIT 1"].Value() as long?,
                connection["SELECT subscription_id FROM subscriptions WHERE name IS NULL LIMIT 1"].Value() as long?),
            cancellationToken);
        if (subscription is { } orphan)
            return new PurgeStep(await WriteAsync(session => RemoveSubscription(session.Connection, orphan), cancellationToken), More: true);
        if (topic is { } deleted)
            return new PurgeStep(await WriteAsync(session => RemoveTopic(session.Connection, (int)deleted), cancellationToken), More: true);
        return null;
    }

    private static int RemoveSubscription(Connection connection, long subscription)
    {
        var removed =
            connection[
                """
                DELETE FROM deliveries WHERE subscription_id = $subscription AND item_id IN
                    (SELECT item_id FROM deliveries WHERE subscription_id = $subscription LIMIT $rows)
                """].Run(subscription, RowsPerStep)
            + connection[
                """
                DELETE FROM dead_letters WHERE subscription_id = $subscription AND item_id IN
                    (SELECT item_id FROM dead_letters WHERE subscription_id = $subscription LIMIT $rows)
                """].Run(subscription, RowsPerStep);
        return removed > 0
            ? removed
            : connection["DELETE FROM subscriptions WHERE subscription_id = $subscription"].Run(subscription);
    }

    private static int RemoveTopic(Connection connection, int topic)
    {
        var removed =
            connection[
                """
                DELETE FROM items WHERE row_id IN
                    (SELECT row_id FROM items WHERE row_id > $first AND row_id <= $last LIMIT $rows)
                """].Run(RowId.Of(topic, 0), RowId.Of(topic, RowId.MaxId), RowsPerStep)
            + connection[
                """
                DELETE FROM keys WHERE topic_id = $topic AND key_hash IN
                    (SELECT key_hash FROM keys WHERE topic_id = $topic LIMIT $rows)
                """].Run(topic, RowsPerStep);
        return removed > 0 ? removed : connection["DELETE FROM topics WHERE topic_id = $topic"].Run(topic);
    }

    private async Task<PurgeStep?> RemovePastRetentionAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToColumn();
        var topics = await readers.ReadAsync(
            connection =>
            {
                // What a subscription has not passed stays, however old it is: nothing is lost to a slow reader.
                using var rows = connection[
                    """
                    SELECT topic_id, retention,
                           coalesce((SELECT min(position) FROM subscriptions s WHERE s.topic_id = t.topic_id AND s.name IS NOT NULL), last_id)
                    FROM live_topics t WHERE retention IS NOT NULL
                    """].Rows();
                var found = new List<(int Topic, long AddedBefore, long LastPassed)>();
                while (rows.Read())
                    found.Add((rows.GetInt32(0), now - rows.GetInt64(1), rows.GetInt64(2)));
                return found;
            },
            cancellationToken);

        foreach (var (topic, addedBefore, lastPassed) in topics)
        {
            var from = _retained.GetValueOrDefault(topic);
            var ids = await readers.ReadAsync(connection => PastRetention(connection, topic, from, lastPassed, addedBefore), cancellationToken);
            if (ids.Count == 0)
            {
                _retained[topic] = 0;
                continue;
            }

            _retained[topic] = ids[^1];
            return new PurgeStep(await WriteAsync(session => RemoveItems(session, topic, ids), cancellationToken), More: true);
        }

        return null;
    }

    private static List<long> PastRetention(Connection connection, int topic, long from, long lastPassed, long addedBefore)
    {
        using var rows = connection[
            "SELECT row_id, added_at FROM items WHERE row_id > $from AND row_id <= $last ORDER BY row_id LIMIT $rows"].Rows(
            RowId.Of(topic, from), RowId.Of(topic, lastPassed), RowsPerStep);
        var ids = new List<long>();
        while (rows.Read() && rows.GetInt64(1) < addedBefore)
            ids.Add(RowId.IdOf(rows.GetInt64(0)));
        return ids;
    }

    private static int RemoveItems(WriteSession session, int topic, List<long> ids)
    {
        if (session.FindTopic(topic) is not { } row)
            return 0;

        var lastAddedAt = session.Connection["SELECT last_added_at FROM live_topics WHERE topic_id = $topic"].Value(topic) as long? ?? 0;

        // Judged again inside the transaction: a rewind or a new lease may have come in between.
        var removed = session.Connection[
            """
            DELETE FROM items WHERE row_id >= $first AND row_id <= $last
                AND NOT EXISTS (
                    SELECT 1 FROM subscriptions s WHERE s.topic_id = $topic AND s.name IS NOT NULL AND (
                        s.position < row_id - ($topic << 40)
                        OR EXISTS (SELECT 1 FROM deliveries d WHERE d.subscription_id = s.subscription_id AND d.item_id = row_id - ($topic << 40))
                        OR EXISTS (SELECT 1 FROM dead_letters l WHERE l.subscription_id = s.subscription_id AND l.item_id = row_id - ($topic << 40))))
            """].Run(RowId.Of(topic, ids[0]), RowId.Of(topic, ids[^1]), topic);
        if (removed > 0)
            TopicTable.ItemsRemoved(session, row, removed, lastAddedAt);
        return removed;
    }

    /// <summary>
    /// Walks the keys in their own order, a bounded stretch at a time, and begins anew some minutes after it came
    /// to the end. Readers do the looking; the writer is asked only where something has expired. Until then an
    /// expired key costs its space; it counts as free all the same.
    /// </summary>
    private async Task<PurgeStep> RemoveExpiredKeysAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _nextKeyWalkAt)
            return new PurgeStep(0, More: false);

        var cursor = _keyCursor;
        var (expired, end) = await readers.ReadAsync(connection => Walk(connection, cursor, now.ToColumn()), cancellationToken);
        var removed = expired.Count == 0 ? 0 : await WriteAsync(
            session => expired.Sum(key => session.Connection[
                "DELETE FROM keys WHERE topic_id = $topic AND key_hash = $hash AND expires_at <= $now"].Run(key.Topic, key.Hash, now.ToColumn())),
            cancellationToken);
        _keyCursor = end ?? (0, BeforeAllKeys);
        if (end is null)
            _nextKeyWalkAt = now + BetweenKeyWalks;
        return new PurgeStep(removed, More: end is not null);
    }

    /// <summary>What has expired on the next stretch, and where the stretch ends; null at the end of all keys.</summary>
    private static (List<(long Topic, byte[] Hash)> Expired, (long Topic, byte[] Hash)? End) Walk(
        Connection connection, (long Topic, byte[] Hash) cursor, long now)
    {
        using var rows = connection[
            """
            SELECT topic_id, key_hash, expires_at FROM keys WHERE (topic_id, key_hash) > ($topic, $hash)
            ORDER BY topic_id, key_hash LIMIT $keys
            """].Rows(cursor.Topic, cursor.Hash, KeysPerStep);
        var expired = new List<(long Topic, byte[] Hash)>();
        for (var seen = 1; rows.Read(); seen++)
        {
            var isExpired = rows.GetInt64(2) <= now;
            if (isExpired)
                expired.Add((rows.GetInt64(0), rows.GetFieldValue<byte[]>(1)));
            if (seen == KeysPerStep || expired.Count == RowsPerStep)
                return (expired, (rows.GetInt64(0), rows.GetFieldValue<byte[]>(1)));
        }

        return (expired, null);
    }

    private Task<int> WriteAsync(Func<WriteSession, int> work, CancellationToken cancellationToken) =>
        writer.RunAsync(work, SpaceNeed.Little, cancellationToken, RowsPerStep);
}
