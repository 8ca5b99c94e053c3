using System.Text.Json;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>A topic as the writer holds it in memory.</summary>
internal sealed class TopicRow(Topic topic, long lastId)
{
    public Topic Topic { get; set; } = topic;

    public long LastId { get; set; } = lastId;

    /// <summary>This transaction appended to it.</summary>
    public bool IsAppendedTo { get; set; }
}

internal static class TopicTable
{
    public static TopicRow? Load(Connection connection, int number)
    {
        using var rows = connection[
            """
            SELECT topic_id, name, key_pointers, window, retention, last_id FROM live_topics WHERE topic_id = $topic
            """].Rows(number);
        return rows.Read() ? new TopicRow(ReadTopic(rows), rows.GetInt64(5)) : null;
    }

    public static IReadOnlyList<Topic> LoadAll(Connection connection)
    {
        using var rows = connection["SELECT topic_id, name, key_pointers, window, retention FROM topics WHERE name IS NOT NULL"].Rows();
        var topics = new List<Topic>();
        while (rows.Read())
            topics.Add(ReadTopic(rows));
        return topics;
    }

    public static (Topic Topic, bool Created) Put(WriteSession session, string name, TopicSettings? settings)
    {
        var found = session.Connection["SELECT topic_id FROM topics WHERE name = $name"].Value(name);
        if (found is null)
        {
            settings ??= TopicSettings.Default;
            var number = (long)session.Connection[
                """
                INSERT INTO topics (name, key_pointers, window, retention, created_at)
                VALUES ($name, $keyPointers, $window, $retention, $now) RETURNING topic_id
                """].Value(name, JsonSerializer.Serialize(settings.KeyPointers), settings.Window.ToColumn(), settings.Retention?.ToColumn(), session.Now)!;
            return (new Topic((int)number, name, settings), Created: true);
        }

        var topic = (int)(long)found;
        if (settings is not null)
        {
            session.Connection[
                "UPDATE topics SET key_pointers = $keyPointers, window = $window, retention = $retention WHERE topic_id = $topic"].Run(
                JsonSerializer.Serialize(settings.KeyPointers), settings.Window.ToColumn(), settings.Retention?.ToColumn(), topic);
        }

        // A change of settings is no append: the row is loaded anew when it is next needed, unless this
        // transaction has already counted in it.
        var row = session.FindTopic(topic)!;
        if (settings is not null)
            row.Topic = row.Topic with { Settings = settings };
        return (row.Topic, Created: false);
    }

    /// <summary>
    /// Frees the name and takes the subscriptions away at once. The items, keys and deliveries are reached by
    /// nobody any more; <see cref="Purge"/> removes them, and at last the row that still stands for them.
    /// </summary>
    public static bool Delete(WriteSession session, string name)
    {
        if (session.Connection["SELECT topic_id FROM topics WHERE name = $name"].Value(name) is not long topic)
            return false;
        session.Connection["UPDATE topics SET name = NULL WHERE topic_id = $topic"].Run(topic);
        foreach (var subscription in SubscriptionTable.NamesIn(session.Connection, (int)topic))
            session.Forget((int)topic, subscription);
        session.Connection["UPDATE subscriptions SET name = NULL WHERE topic_id = $topic"].Run(topic);
        session.Forget((int)topic);
        return true;
    }

    /// <summary>Keeps what the end of the log will not tell any more once these items are gone.</summary>
    public static void ItemsRemoved(WriteSession session, TopicRow row, int removed, long lastAddedAt) => session.Connection[
        """
        UPDATE topics SET removed_items = removed_items + $removed, last_id = $lastId, last_added_at = max(last_added_at, $lastAddedAt)
        WHERE topic_id = $topic
        """].Run(removed, row.LastId, lastAddedAt, row.Topic.Number);

    public static IReadOnlyList<TopicStatus> List(Connection connection, string? name)
    {
        using var rows = connection[
            """
            SELECT topic_id, name, key_pointers, window, retention, last_id, item_count, last_added_at, created_at,
                   (SELECT count(*) FROM subscriptions s WHERE s.topic_id = t.topic_id AND s.name IS NOT NULL)
            FROM live_topics t WHERE ($name IS NULL OR name = $name) ORDER BY name
            """].Rows(name);
        var topics = new List<TopicStatus>();
        while (rows.Read())
        {
            topics.Add(new TopicStatus(
                ReadTopic(rows),
                Items: rows.GetInt64(6),
                LastId: rows.GetInt64(5),
                LastAddedAt: Times.FromColumn(rows[7]),
                CreatedAt: Times.FromColumn(rows.GetInt64(8)),
                Subscriptions: rows.GetInt32(9)));
        }

        return topics;
    }

    public static Topic ReadTopic(SqliteDataReader rows) => new(rows.GetInt32(0), rows.GetString(1), new TopicSettings
    {
        KeyPointers = JsonSerializer.Deserialize<string[]>(rows.GetString(2))!,
        Window = TimeSpan.FromMilliseconds(rows.GetInt64(3)),
        Retention = rows[4] is long retention ? TimeSpan.FromMilliseconds(retention) : null,
    });
}
