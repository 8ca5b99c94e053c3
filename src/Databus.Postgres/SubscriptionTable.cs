using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;
using Npgsql;

namespace Databus.Postgres;

internal static class SubscriptionTable
{
    public static async Task<int?> FindAsync(NpgsqlConnection connection, Topic topic, string name, CancellationToken cancellationToken) =>
        await connection.Command("SELECT subscription_id FROM databus.subscriptions WHERE topic_id = $1 AND name = $2", topic.Number, name)
            .ValueAsync(cancellationToken) as int?;

    /// <summary>Creates the subscription unless it is there. Null: it was there, or the topic is gone.</summary>
    public static async Task<int?> CreateAsync(
        NpgsqlConnection connection, Topic topic, string name, SubscriptionSettings settings, SubscriptionStart start, long? time) =>
        await connection.Command(
            """
            WITH created AS (
                INSERT INTO databus.subscriptions
                    (topic_id, name, lease, max_attempts, max_in_flight, created_at, destination_kind, destination_configuration, paused)
                SELECT topic_id, $2, $3, $4, $5, databus.now_in_ms($6::bigint), $8::text, $9::text, $10 FROM databus.live_topics WHERE topic_id = $1
                ON CONFLICT (topic_id, name) DO NOTHING
                RETURNING subscription_id
            ), placed AS (
                INSERT INTO databus.positions (subscription_id, fence, position)
                SELECT subscription_id, 1, CASE WHEN $7 THEN t.last_id ELSE
                    coalesce((SELECT min(item_id) FROM databus.items i WHERE i.topic_id = t.topic_id), t.last_id + 1) - 1 END
                FROM created CROSS JOIN databus.live_topics t WHERE t.topic_id = $1
            )
            SELECT subscription_id FROM created
            """,
            topic.Number,
            name,
            (settings.Lease ?? SubscriptionSettings.DefaultLease).ToColumn(),
            settings.MaxAttempts ?? SubscriptionSettings.DefaultMaxAttempts,
            settings.MaxInFlight ?? SubscriptionSettings.DefaultMaxInFlight,
            time,
            start == SubscriptionStart.End,
            Pushes(settings.Destination)?.Kind,
            Pushes(settings.Destination)?.Configuration,
            settings.Paused ?? false).ValueAsync(CancellationToken.None) as int?;

    /// <summary>Changes the settings that are named. False: there is no such subscription.</summary>
    public static async Task<bool> ChangeAsync(NpgsqlConnection connection, Topic topic, string name, SubscriptionSettings settings) =>
        await connection.Command(
            """
            UPDATE databus.subscriptions s SET
                lease = coalesce($3::bigint, s.lease), max_attempts = coalesce($4::integer, s.max_attempts),
                max_in_flight = coalesce($5::integer, s.max_in_flight), paused = coalesce($6::boolean, s.paused),
                destination_kind = CASE WHEN $7 THEN $8::text ELSE s.destination_kind END,
                destination_configuration = CASE WHEN $7 THEN $9::text ELSE s.destination_configuration END
            FROM databus.topics t WHERE t.topic_id = s.topic_id AND t.name IS NOT NULL AND s.topic_id = $1 AND s.name = $2
            """,
            topic.Number,
            name,
            settings.Lease?.ToColumn(),
            settings.MaxAttempts,
            settings.MaxInFlight,
            settings.Paused,
            settings.Destination is not null,
            Pushes(settings.Destination)?.Kind,
            Pushes(settings.Destination)?.Configuration).RunAsync(CancellationToken.None) == 1;

    /// <summary>Frees the name at once; <see cref="Purge"/> removes the rows.</summary>
    public static async Task<bool> DeleteAsync(NpgsqlConnection connection, Topic topic, string name) =>
        await connection.Command("UPDATE databus.subscriptions SET name = NULL WHERE topic_id = $1 AND name = $2", topic.Number, name)
            .RunAsync(CancellationToken.None) == 1;

    public static Task<List<PushSubscription>> ListPushingAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT t.topic_id, t.name, t.key_pointers, t.key_window, t.retention, s.name, s.destination_kind, s.destination_configuration, s.lease
            FROM databus.subscriptions s JOIN databus.topics t USING (topic_id)
            WHERE s.name IS NOT NULL AND t.name IS NOT NULL AND s.destination_kind IS NOT NULL AND NOT s.paused ORDER BY t.name, s.name
            """).RowsAsync(
            rows => new PushSubscription(TopicTable.ReadTopic(rows), rows.GetString(5), new DestinationSettings(rows.GetString(6), rows.GetString(7)))
            {
                Lease = TimeSpan.FromMilliseconds(rows.GetInt64(8)),
            },
            cancellationToken);

    public static Task<List<SubscriptionStatus>> ListAsync(
        NpgsqlConnection connection, Topic? topic, string? name, long? time, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT s.name, t.name, p.position, t.last_id,
                   coalesce(d.leased, 0), coalesce(d.waiting, 0),
                   (SELECT count(*) FROM databus.dead_letters l WHERE l.subscription_id = s.subscription_id),
                   s.lease, s.max_attempts, s.max_in_flight, s.created_at, s.destination_kind, s.destination_configuration, s.paused,
                   (SELECT i.added_at FROM databus.items i
                    WHERE i.topic_id = t.topic_id AND i.item_id >= coalesce(d.oldest, p.position + 1) ORDER BY i.item_id LIMIT 1)
            FROM databus.subscriptions s
            JOIN databus.live_topics t USING (topic_id)
            CROSS JOIN LATERAL (
                SELECT position FROM databus.positions p WHERE p.subscription_id = s.subscription_id ORDER BY fence DESC LIMIT 1) p
            CROSS JOIN (SELECT databus.now_in_ms($3::bigint) AS now) clock
            LEFT JOIN LATERAL (
                SELECT sum(cardinality(item_ids)) FILTER (WHERE leased AND due_at > now) AS leased,
                       sum(cardinality(item_ids)) FILTER (WHERE NOT leased OR due_at <= now) AS waiting,
                       min((SELECT min(id) FROM unnest(item_ids) id)) AS oldest
                FROM databus.deliveries d WHERE d.subscription_id = s.subscription_id) d ON true
            WHERE s.name IS NOT NULL AND ($1::integer IS NULL OR s.topic_id = $1) AND ($2::text IS NULL OR s.name = $2)
            ORDER BY t.name, s.name
            """, topic?.Number, name, time).RowsAsync(
            rows => new SubscriptionStatus(
                Name: rows.GetString(0),
                Topic: rows.GetString(1),
                Position: rows.GetInt64(2),
                LastId: rows.GetInt64(3),
                Lag: rows.GetInt64(3) - rows.GetInt64(2),
                InFlight: (int)rows.GetInt64(4),
                Waiting: (int)rows.GetInt64(5),
                Dead: (int)rows.GetInt64(6),
                Lease: TimeSpan.FromMilliseconds(rows.GetInt64(7)),
                MaxAttempts: rows.GetInt32(8),
                MaxInFlight: rows.GetInt32(9),
                OldestWaitingAt: rows.MaybeTime(14),
                CreatedAt: rows.Time(10))
            {
                Destination = rows.IsDBNull(11) ? null : new DestinationSettings(rows.GetString(11), rows.GetString(12)),
                Paused = rows.GetBoolean(13),
            },
            cancellationToken);

    private static DestinationSettings? Pushes(DestinationSettings? destination) =>
        destination is null || destination.Kind == DestinationSettings.None.Kind ? null : destination;
}
