using Databus.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>The log and the keys that are taken in it.</summary>
internal static class ItemTable
{
    private const int MaxBytesPerPage = 8 << 20;
    private const int MaxRowsScanned = 20_000;

    /// <summary>
    /// Takes each key and appends its item. Within the one transaction both happen or neither does (P2), and
    /// ids are given in the order of commits, because there is one writer (P3).
    /// </summary>
    public static AppendResult? Append(WriteSession session, Topic topic, IReadOnlyList<NewItem> items)
    {
        if (session.FindTopic(topic.Number) is not { } row)
            return null;

        var takeKey = session.Connection[
            """
            INSERT INTO keys (topic_id, key_hash, item_id, expires_at) VALUES ($topic, $hash, $item, $expires)
            ON CONFLICT (topic_id, key_hash) DO UPDATE SET item_id = excluded.item_id, expires_at = excluded.expires_at
            WHERE keys.expires_at <= $now
            """];
        var insertItem = session.Connection[
            "INSERT INTO items (row_id, key, content, source, added_at) VALUES ($row, $key, $content, $source, $now)"];
        var outcomes = new AppendOutcome[items.Count];
        var takenUntil = new DateTimeOffset[items.Count];
        var hash = new byte[KeyHash.Size];
        object number = topic.Number, now = session.Now;
        object expires = (long)now + row.Topic.Settings.Window.ToColumn(), never = long.MaxValue;

        for (var i = 0; i < outcomes.Length; i++)
        {
            var item = items[i];
            item.KeyHash.WriteTo(hash);
            var id = row.LastId + 1;
            if (takeKey.Run(number, hash, id, item.KeyNeverExpires ? never : expires, now) == 1)
            {
                insertItem.Run(RowId.Of(topic.Number, id), item.Key, item.Content, item.Source, now);
                row.LastId = id;
                outcomes[i] = new AppendOutcome(id, Added: true);
                takenUntil[i] = Times.FromKeyColumn((long)(item.KeyNeverExpires ? never : expires));
            }
            else
            {
                var taken = session.Connection["SELECT item_id, expires_at FROM keys WHERE topic_id = $topic AND key_hash = $hash"];
                using var rows = taken.Rows(number, hash);
                rows.Read();
                outcomes[i] = new AppendOutcome(rows.GetInt64(0), Added: false);
                takenUntil[i] = Times.FromKeyColumn(rows.GetInt64(1));
            }
        }

        if (Array.Exists(outcomes, outcome => outcome.Added))
            session.AppendedTo(row);
        return new AppendResult(outcomes, takenUntil);
    }

    public static ItemPage Read(Connection connection, Topic topic, ItemQuery query)
    {
        var (first, last) = query.Before is { } before
            ? (RowId.Of(topic.Number, query.After), RowId.Of(topic.Number, before) - 1)
            : (RowId.Of(topic.Number, query.After), RowId.Of(topic.Number, RowId.MaxId));
        var backwards = query.Before is not null;
        return query.Contains is { Length: > 0 } text
            ? Search(connection, first, last, backwards, query.Limit, text)
            : ReadRange(connection, first, last, backwards, query.Limit);
    }

    /// <summary>The first id kept at or after a time, for a rewind; null when there is none.</summary>
    /// <remarks>By bisection: ids grow with time, and there is no index on it.</remarks>
    public static long? FirstAt(Connection connection, int topic, long lastId, long time)
    {
        var addedAt = connection["SELECT row_id, added_at FROM items WHERE row_id >= $row AND row_id <= $last ORDER BY row_id LIMIT 1"];
        var end = RowId.Of(topic, lastId);
        long low = 1, high = lastId + 1;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            using var rows = addedAt.Rows(RowId.Of(topic, middle), end);
            if (!rows.Read())
                high = middle;
            else if (rows.GetInt64(1) >= time)
                high = middle;
            else
                low = RowId.IdOf(rows.GetInt64(0)) + 1;
        }

        return low <= lastId ? low : null;
    }

    /// <summary>The oldest id kept; one past the last id when none is.</summary>
    public static long FirstKept(Connection connection, int topic, long lastId) =>
        connection["SELECT row_id FROM items WHERE row_id > $first AND row_id <= $last ORDER BY row_id LIMIT 1"].Value(
            RowId.Of(topic, 0), RowId.Of(topic, lastId)) is long row
            ? RowId.IdOf(row)
            : lastId + 1;

    private static ItemPage ReadRange(Connection connection, long first, long last, bool backwards, int limit)
    {
        using var rows = (backwards
            ? connection[
                """
                SELECT row_id, key, content, source, added_at FROM items
                WHERE row_id > $first AND row_id <= $last ORDER BY row_id DESC LIMIT $limit
                """]
            : connection[
                """
                SELECT row_id, key, content, source, added_at FROM items
                WHERE row_id > $first AND row_id <= $last ORDER BY row_id LIMIT $limit
                """]).Rows(first, last, limit);
        return ReadPage(rows, limit);
    }

    private static ItemPage Search(Connection connection, long first, long last, bool backwards, int limit, string text)
    {
        // One request looks through a bounded number of rows; the answer says where the next goes on.
        var bound = (backwards
            ? connection["SELECT row_id FROM items WHERE row_id > $first AND row_id <= $last ORDER BY row_id DESC LIMIT 1 OFFSET $rows"]
            : connection["SELECT row_id FROM items WHERE row_id > $first AND row_id <= $last ORDER BY row_id LIMIT 1 OFFSET $rows"]).Value(
            first, last, MaxRowsScanned - 1) as long?;
        if (bound is not null)
            (first, last) = backwards ? (bound.Value - 1, last) : (first, bound.Value);

        var asWritten = LikePattern.Of(text);
        var escaped = LikePattern.OfEscaped(text);
        using var rows = (backwards
            ? connection[
                """
                SELECT row_id, key, content, source, added_at FROM items
                WHERE row_id > $first AND row_id <= $last
                  AND (CAST(content AS TEXT) LIKE $text ESCAPE '!' OR CAST(content AS TEXT) LIKE $escaped ESCAPE '!')
                ORDER BY row_id DESC LIMIT $limit
                """]
            : connection[
                """
                SELECT row_id, key, content, source, added_at FROM items
                WHERE row_id > $first AND row_id <= $last
                  AND (CAST(content AS TEXT) LIKE $text ESCAPE '!' OR CAST(content AS TEXT) LIKE $escaped ESCAPE '!')
                ORDER BY row_id LIMIT $limit
                """]).Rows(first, last, asWritten, escaped, limit);
        var page = ReadPage(rows, limit);
        return page with { ScannedTo = page.ScannedTo ?? (bound is null ? null : RowId.IdOf(bound.Value)) };
    }

    private static ItemPage ReadPage(SqliteDataReader rows, int limit)
    {
        var items = new List<Item>();
        var bytes = 0;
        while (bytes < MaxBytesPerPage && rows.Read())
        {
            var content = rows.GetFieldValue<byte[]>(2);
            bytes += content.Length;
            items.Add(new Item(
                RowId.IdOf(rows.GetInt64(0)),
                rows.IsDBNull(1) ? null : rows.GetString(1),
                content,
                rows.IsDBNull(3) ? null : rows.GetString(3),
                Times.FromColumn(rows.GetInt64(4))));
        }

        return new ItemPage(items, items.Count == limit || bytes >= MaxBytesPerPage ? items[^1].Id : null);
    }
}
