using System.Text.Json;
using Databus.Storage;
using Databus.Topics;
using Npgsql;

namespace Databus.Postgres;

internal static class TopicTable
{
    public static async Task<Topic?> FindAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken) =>
        (await connection.Command(
            "SELECT topic_id, name, key_pointers, key_window, retention FROM databus.topics WHERE name = $1", name)
            .RowsAsync(ReadTopic, cancellationToken)) is [var topic] ? topic : null;

    /// <summary>All topics with their last ids: what the poll compares with what this node knows.</summary>
    public static Task<List<(Topic Topic, long LastId)>> LoadAllAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.Command("SELECT topic_id, name, key_pointers, key_window, retention, last_id FROM databus.live_topics")
            .RowsAsync(rows => (ReadTopic(rows), rows.GetInt64(5)), cancellationToken);

    public static async Task<(Topic Topic, bool Created)> PutAsync(
        NpgsqlConnection connection, string name, TopicSettings? settings, long? time, CancellationToken cancellationToken)
    {
        var wanted = settings ?? TopicSettings.Default;
        while (true)
        {
            var created = await connection.Command(
                """
                INSERT INTO databus.topics (name, key_pointers, key_window, retention, created_at)
                VALUES ($1, $2, $3, $4::bigint, databus.now_in_ms($5::bigint)) ON CONFLICT (name) DO NOTHING RETURNING topic_id
                """, name, JsonSerializer.Serialize(wanted.KeyPointers), wanted.Window.ToColumn(), wanted.Retention?.ToColumn(), time)
                .ValueAsync(cancellationToken);
            if (created is int number)
                return (new Topic(number, name, wanted), Created: true);

            if (settings is not null)
            {
                await connection.Command(
                    "UPDATE databus.topics SET key_pointers = $2, key_window = $3, retention = $4::bigint WHERE name = $1",
                    name, JsonSerializer.Serialize(settings.KeyPointers), settings.Window.ToColumn(), settings.Retention?.ToColumn())
                    .RunAsync(cancellationToken);
            }

            // Deleted in between: then it is created after all.
            if (await FindAsync(connection, name, cancellationToken) is { } topic)
                return (topic, Created: false);
        }
    }

    /// <summary>
    /// Frees the name and takes the subscriptions away at once. The items, keys and deliveries are reached by
    /// nobody any more; <see cref="Purge"/> removes them, and at last the row that still stands for them. An append
    /// that is under way ends first: its items go with the others.
    /// </summary>
    public static async Task<Topic?> DeleteAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken)
    {
        if (await FindAsync(connection, name, cancellationToken) is not { } topic)
            return null;
        await using var batch = connection.CreateBatch()
            .With("SELECT pg_advisory_xact_lock($1, $2)", Locks.Topic, topic.Number)
            .With("UPDATE databus.subscriptions SET name = NULL WHERE topic_id = $1", topic.Number)
            .With("UPDATE databus.topics SET name = NULL WHERE topic_id = $1 AND name IS NOT NULL", topic.Number);
        await batch.ExecuteNonQueryAsync(cancellationToken);
        return topic;
    }

    public static Task<List<TopicStatus>> ListAsync(NpgsqlConnection connection, string? name, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT topic_id, name, key_pointers, key_window, retention, last_id, item_count, last_added_at, created_at,
                   (SELECT count(*) FROM databus.subscriptions s WHERE s.topic_id = t.topic_id AND s.name IS NOT NULL)
            FROM databus.live_topics t WHERE ($1::text IS NULL OR name = $1) ORDER BY name
            """, name).RowsAsync(
            rows => new TopicStatus(
                ReadTopic(rows),
                Items: rows.GetInt64(6),
                LastId: rows.GetInt64(5),
                LastAddedAt: rows.MaybeTime(7),
                CreatedAt: rows.Time(8),
                Subscriptions: (int)rows.GetInt64(9)),
            cancellationToken);

    public static Topic ReadTopic(NpgsqlDataReader rows) => new(rows.GetInt32(0), rows.GetString(1), new TopicSettings
    {
        KeyPointers = JsonSerializer.Deserialize<string[]>(rows.GetString(2))!,
        Window = TimeSpan.FromMilliseconds(rows.GetInt64(3)),
        Retention = rows.Number(4) is { } retention ? TimeSpan.FromMilliseconds(retention) : null,
    });
}
