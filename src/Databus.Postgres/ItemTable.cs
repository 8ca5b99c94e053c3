using System.Runtime.InteropServices;
using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Npgsql;

namespace Databus.Postgres;

/// <summary>The log and the keys that are taken in it.</summary>
internal static class ItemTable
{
    private const int MaxBytesPerPage = 8 << 20;
    private const int MaxRowsScanned = 20_000;

    /// <summary>
    /// Takes each key and appends its item, for all appends to one topic that wait on this node. The lock comes first and
    /// as a statement of its own, so that the next one sees all that was committed before; it is held until the
    /// commit is on disk, so ids become visible in their order (P3). Key and item are one statement (P2).
    /// </summary>
    /// <returns>For each append its result, or null where the topic is gone; and the topic's last id.</returns>
    public static async Task<(AppendResult?[] Results, long LastId, long Now)> AppendAsync(
        NpgsqlConnection connection, Topic topic, IReadOnlyList<IReadOnlyList<NewItem>> appends, long? time)
    {
        var first = new Dictionary<KeyHash, int>();
        var items = new List<NewItem>();
        foreach (var append in appends)
        {
            foreach (var item in append)
            {
                if (first.TryAdd(item.KeyHash, items.Count))
                    items.Add(item);
            }
        }

        await using var batch = connection.CreateBatch()
            .With("SELECT pg_advisory_xact_lock($1, $2)", Locks.Topic, topic.Number)
            .With(
                """
                WITH topic AS MATERIALIZED (
                    SELECT topic_id, key_window, last_id, databus.now_in_ms($7::bigint) AS now FROM databus.live_topics WHERE topic_id = $1
                ), given AS MATERIALIZED (
                    -- A subquery for each, and no join, so that the plan is one look at the primary key, whatever the statistics say.
                    SELECT g.*, (
                        SELECT ARRAY[k.item_id, k.expires_at] FROM databus.keys k WHERE k.topic_id = $1 AND k.key_hash = g.hash) AS taken
                    FROM unnest($2::uuid[], $3::text[], $4::bytea[], $5::text[], $6::boolean[])
                        WITH ORDINALITY AS g(hash, key, content, source, never_expires, n)
                ), fresh AS MATERIALIZED (
                    SELECT g.*, t.last_id + row_number() OVER (ORDER BY n) AS item_id, t.now,
                           CASE WHEN never_expires THEN 9223372036854775807 ELSE t.now + t.key_window END AS expires_at
                    FROM given g CROSS JOIN topic t WHERE taken IS NULL OR taken[2] <= t.now
                ), added_keys AS (
                    -- Under the lock nobody else adds keys to this topic, and so the cheaper INSERT will do.
                    INSERT INTO databus.keys (topic_id, key_hash, item_id, expires_at)
                    SELECT $1, hash, item_id, expires_at FROM fresh WHERE taken IS NULL
                ), overtaken_keys AS (
                    -- Those that have expired; the purge may just have removed them.
                    INSERT INTO databus.keys (topic_id, key_hash, item_id, expires_at)
                    SELECT $1, hash, item_id, expires_at FROM fresh WHERE taken IS NOT NULL
                    ON CONFLICT (topic_id, key_hash) DO UPDATE SET item_id = excluded.item_id, expires_at = excluded.expires_at
                ), added_items AS (
                    INSERT INTO databus.items (topic_id, item_id, key, content, source, added_at)
                    SELECT $1, item_id, key, content, source, now FROM fresh
                )
                SELECT t.now, t.key_window, t.last_id,
                       (SELECT array_agg(n) FROM given WHERE taken[2] > t.now),
                       (SELECT array_agg(taken[1]) FROM given WHERE taken[2] > t.now),
                       (SELECT array_agg(taken[2]) FROM given WHERE taken[2] > t.now)
                FROM topic t
                """,
                topic.Number,
                items.ConvertAll(item => ToColumn(item.KeyHash)),
                items.ConvertAll(item => item.Key),
                items.ConvertAll(item => item.Content),
                items.ConvertAll(item => item.Source),
                items.ConvertAll(item => item.KeyNeverExpires),
                time);

        var results = new AppendResult?[appends.Count];
        await using var rows = await batch.ExecuteReaderAsync();
        await rows.NextResultAsync();
        if (!await rows.ReadAsync())
            return (results, 0, 0);

        long now = rows.GetInt64(0), window = rows.GetInt64(1), lastId = rows.GetInt64(2);
        var outcomes = new (AppendOutcome Outcome, DateTimeOffset TakenUntil)[items.Count];
        if (!rows.IsDBNull(3))
        {
            var taken = rows.GetFieldValue<long[]>(3);
            long[] ids = rows.GetFieldValue<long[]>(4), until = rows.GetFieldValue<long[]>(5);
            for (var i = 0; i < taken.Length; i++)
                outcomes[taken[i] - 1] = (new AppendOutcome(ids[i], Added: false), Times.FromKeyColumn(until[i]));
        }

        var free = Times.FromColumn(now + window);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i].Outcome.Id == 0)
                outcomes[i] = (new AppendOutcome(++lastId, Added: true), items[i].KeyNeverExpires ? DateTimeOffset.MaxValue : free);
        }

        // The transaction commits with the end of the batch: only then may anybody hear of it.
        await rows.CloseAsync();
        var seen = new bool[items.Count];
        for (var a = 0; a < appends.Count; a++)
        {
            var of = new AppendOutcome[appends[a].Count];
            var until = new DateTimeOffset[of.Length];
            for (var i = 0; i < of.Length; i++)
            {
                var index = first[appends[a][i].KeyHash];
                (of[i], until[i]) = outcomes[index];
                if (seen[index])
                    of[i] = of[i] with { Added = false };
                seen[index] = true;
            }

            results[a] = new AppendResult(of, until);
        }

        return (results, lastId, now);
    }

    public static async Task<ItemPage> ReadAsync(NpgsqlConnection connection, Topic topic, ItemQuery query, CancellationToken cancellationToken)
    {
        var (after, before, backwards) = (query.After, query.Before ?? long.MaxValue, query.Before is not null);
        return query.Contains is { Length: > 0 } text
            ? await SearchAsync(connection, topic.Number, after, before, backwards, query.Limit, text, cancellationToken)
            : await ReadRangeAsync(connection, topic.Number, after, before, backwards, query.Limit, cancellationToken);
    }

    /// <summary>The first id kept at or after a time, for a rewind; null when there is none.</summary>
    /// <remarks>By bisection: ids grow with time, and there is no index on it.</remarks>
    public static async Task<long?> FirstAtAsync(NpgsqlConnection connection, int topic, long lastId, long time)
    {
        long low = 1, high = lastId + 1;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            var found = await connection.Command(
                """
                SELECT item_id, added_at FROM databus.items
                WHERE topic_id = $1 AND item_id >= $2 AND item_id <= $3 ORDER BY item_id LIMIT 1
                """, topic, middle, lastId).RowsAsync(rows => (Id: rows.GetInt64(0), AddedAt: rows.GetInt64(1)), CancellationToken.None);
            if (found is [var item] && item.AddedAt < time)
                low = item.Id + 1;
            else
                high = middle;
        }

        return low <= lastId ? low : null;
    }

    /// <summary>The oldest id kept; one past the last id when none is.</summary>
    public static async Task<long> FirstKeptAsync(NpgsqlConnection connection, int topic, long lastId) =>
        await connection.Command("SELECT min(item_id) FROM databus.items WHERE topic_id = $1", topic).ValueAsync(CancellationToken.None) is long first
            ? first
            : lastId + 1;

    private static Guid ToColumn(KeyHash hash)
    {
        Span<byte> bytes = stackalloc byte[KeyHash.Size];
        hash.WriteTo(bytes);
        return new Guid(bytes, bigEndian: true);
    }

    private static async Task<ItemPage> ReadRangeAsync(
        NpgsqlConnection connection, int topic, long after, long before, bool backwards, int limit, CancellationToken cancellationToken)
    {
        var items = await (backwards
            ? connection.Command(
                """
                SELECT item_id, key, content, source, added_at
                FROM (SELECT i.*, sum(octet_length(content)) OVER (ORDER BY item_id DESC) - octet_length(content) AS bytes_before
                      FROM (SELECT * FROM databus.items WHERE topic_id = $1 AND item_id > $2 AND item_id < $3 ORDER BY item_id DESC LIMIT $4) i) page
                WHERE bytes_before < $5 ORDER BY item_id DESC
                """, topic, after, before, limit, MaxBytesPerPage)
            : connection.Command(
                """
                SELECT item_id, key, content, source, added_at
                FROM (SELECT i.*, sum(octet_length(content)) OVER (ORDER BY item_id) - octet_length(content) AS bytes_before
                      FROM (SELECT * FROM databus.items WHERE topic_id = $1 AND item_id > $2 AND item_id < $3 ORDER BY item_id LIMIT $4) i) page
                WHERE bytes_before < $5 ORDER BY item_id
                """, topic, after, before, limit, MaxBytesPerPage)).RowsAsync(ReadItem, cancellationToken);
        return Page(items, limit);
    }

    private static async Task<ItemPage> SearchAsync(
        NpgsqlConnection connection, int topic, long after, long before, bool backwards, int limit, string text, CancellationToken cancellationToken)
    {
        // One request looks through a bounded number of rows; the answer says where the next goes on.
        var bound = await (backwards
            ? connection.Command(
                "SELECT item_id FROM databus.items WHERE topic_id = $1 AND item_id > $2 AND item_id < $3 ORDER BY item_id DESC LIMIT 1 OFFSET $4",
                topic, after, before, MaxRowsScanned - 1)
            : connection.Command(
                "SELECT item_id FROM databus.items WHERE topic_id = $1 AND item_id > $2 AND item_id < $3 ORDER BY item_id LIMIT 1 OFFSET $4",
                topic, after, before, MaxRowsScanned - 1)).ValueAsync(cancellationToken) as long?;
        if (bound is not null)
            (after, before) = backwards ? (bound.Value - 1, before) : (after, bound.Value + 1);

        // COLLATE "C": upper and lower case of A to Z alike, and nothing else.
        var items = await (backwards
            ? connection.Command(
                """
                SELECT item_id, key, content, source, added_at FROM databus.items
                WHERE topic_id = $1 AND item_id > $2 AND item_id < $3
                  AND (convert_from(content, 'UTF8') COLLATE "C" ILIKE $4 ESCAPE '!' OR convert_from(content, 'UTF8') COLLATE "C" ILIKE $5 ESCAPE '!')
                ORDER BY item_id DESC LIMIT $6
                """, topic, after, before, LikePattern.Of(text), LikePattern.OfEscaped(text), limit)
            : connection.Command(
                """
                SELECT item_id, key, content, source, added_at FROM databus.items
                WHERE topic_id = $1 AND item_id > $2 AND item_id < $3
                  AND (convert_from(content, 'UTF8') COLLATE "C" ILIKE $4 ESCAPE '!' OR convert_from(content, 'UTF8') COLLATE "C" ILIKE $5 ESCAPE '!')
                ORDER BY item_id LIMIT $6
                """, topic, after, before, LikePattern.Of(text), LikePattern.OfEscaped(text), limit)).RowsAsync(ReadItem, cancellationToken);
        var page = Page(items, limit);
        return page with { ScannedTo = page.ScannedTo ?? bound };
    }

    private static ItemPage Page(List<Item> items, int limit)
    {
        long bytes = 0;
        var count = 0;
        foreach (var item in CollectionsMarshal.AsSpan(items))
        {
            if (bytes >= MaxBytesPerPage)
                break;
            bytes += item.Content.Length;
            count++;
        }

        items.RemoveRange(count, items.Count - count);
        return new ItemPage(items, items.Count == limit || bytes >= MaxBytesPerPage ? items[^1].Id : null);
    }

    private static Item ReadItem(NpgsqlDataReader rows) => new(
        rows.GetInt64(0), rows.Text(1), rows.GetFieldValue<byte[]>(2), rows.Text(3), rows.Time(4));
}
