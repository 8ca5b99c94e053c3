using Databus.Destinations;
using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.Sqlite;

/// <summary>A subscription as the writer holds it in memory.</summary>
internal sealed class SubscriptionRow
{
    public required long Number { get; init; }

    public required long Position { get; set; }

    public required long Fence { get; set; }

    public required long Lease { get; set; }

    public required int MaxAttempts { get; set; }

    public required int MaxInFlight { get; set; }

    /// <summary>It has a destination and is not paused.</summary>
    public required bool Pushes { get; set; }

    /// <summary>Rows in the deliveries table.</summary>
    public required int InFlight { get; set; }
}

internal static class SubscriptionTable
{
    public static SubscriptionRow? Load(Connection connection, int topic, string name)
    {
        using var rows = connection[
            """
            SELECT subscription_id, position, fence, lease, max_attempts, max_in_flight,
                   (SELECT count(*) FROM deliveries d WHERE d.subscription_id = s.subscription_id), destination_kind IS NOT NULL AND paused = 0
            FROM subscriptions s WHERE topic_id = $topic AND name = $name
            """].Rows(topic, name);
        return rows.Read()
            ? new SubscriptionRow
            {
                Number = rows.GetInt64(0),
                Position = rows.GetInt64(1),
                Fence = rows.GetInt64(2),
                Lease = rows.GetInt64(3),
                MaxAttempts = rows.GetInt32(4),
                MaxInFlight = rows.GetInt32(5),
                InFlight = rows.GetInt32(6),
                Pushes = rows.GetBoolean(7),
            }
            : null;
    }

    public static List<string> NamesIn(Connection connection, int topic)
    {
        using var rows = connection["SELECT name FROM subscriptions WHERE topic_id = $topic AND name IS NOT NULL"].Rows(topic);
        var names = new List<string>();
        while (rows.Read())
            names.Add(rows.GetString(0));
        return names;
    }

    /// <summary>Creates the subscription or changes its settings.</summary>
    /// <returns>Null: the topic is gone. True: created.</returns>
    public static bool? Put(WriteSession session, Topic topic, string name, SubscriptionSettings settings, SubscriptionStart start)
    {
        if (session.FindTopic(topic.Number) is not { } row)
            return null;
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
        {
            Create(session, row, name, settings, start);
            return true;
        }

        subscription.Lease = settings.Lease?.ToColumn() ?? subscription.Lease;
        subscription.MaxAttempts = settings.MaxAttempts ?? subscription.MaxAttempts;
        subscription.MaxInFlight = settings.MaxInFlight ?? subscription.MaxInFlight;
        session.Connection[
            """
            UPDATE subscriptions SET lease = $lease, max_attempts = $maxAttempts, max_in_flight = $maxInFlight
            WHERE subscription_id = $subscription
            """].Run(subscription.Lease, subscription.MaxAttempts, subscription.MaxInFlight, subscription.Number);
        Push(session, subscription, settings);
        return false;
    }

    public static SubscriptionRow Create(
        WriteSession session, TopicRow topic, string name, SubscriptionSettings settings, SubscriptionStart start)
    {
        var position = start == SubscriptionStart.End
            ? topic.LastId
            : ItemTable.FirstKept(session.Connection, topic.Topic.Number, topic.LastId) - 1;
        session.Connection[
            """
            INSERT INTO subscriptions (topic_id, name, position, fence, lease, max_attempts, max_in_flight, created_at)
            VALUES ($topic, $name, $position, 0, $lease, $maxAttempts, $maxInFlight, $now)
            """].Run(
            topic.Topic.Number,
            name,
            position,
            (settings.Lease ?? SubscriptionSettings.DefaultLease).ToColumn(),
            settings.MaxAttempts ?? SubscriptionSettings.DefaultMaxAttempts,
            settings.MaxInFlight ?? SubscriptionSettings.DefaultMaxInFlight,
            session.Now);
        var subscription = session.FindSubscription(topic.Topic.Number, name)!;
        Push(session, subscription, settings);
        return subscription;
    }

    public static IReadOnlyList<PushSubscription> ListPushing(Connection connection)
    {
        using var rows = connection[
            """
            SELECT t.topic_id, t.name, t.key_pointers, t.window, t.retention, s.name, s.destination_kind, s.destination_configuration, s.lease
            FROM subscriptions s JOIN topics t USING (topic_id)
            WHERE s.name IS NOT NULL AND s.destination_kind IS NOT NULL AND s.paused = 0 ORDER BY t.name, s.name
            """].Rows();
        var pushing = new List<PushSubscription>();
        while (rows.Read())
        {
            pushing.Add(new PushSubscription(TopicTable.ReadTopic(rows), rows.GetString(5), new DestinationSettings(rows.GetString(6), rows.GetString(7)))
            {
                Lease = TimeSpan.FromMilliseconds(rows.GetInt64(8)),
            });
        }

        return pushing;
    }

    public static bool PushesTo(WriteSession session, SubscriptionRow subscription, DestinationSettings destination) => session.Connection[
        """
        SELECT 1 FROM subscriptions
        WHERE subscription_id = $subscription AND destination_kind = $kind AND destination_configuration = $configuration AND paused = 0
        """].Value(subscription.Number, destination.Kind, destination.Configuration) is not null;

    /// <summary>Frees the name at once; <see cref="Purge"/> removes the rows.</summary>
    public static bool Delete(WriteSession session, Topic topic, string name)
    {
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
            return false;
        session.Connection["UPDATE subscriptions SET name = NULL WHERE subscription_id = $subscription"].Run(subscription.Number);
        session.Forget(topic.Number, name);
        return true;
    }

    public static bool Rewind(WriteSession session, Topic topic, string name, RewindTarget target)
    {
        if (session.FindTopic(topic.Number) is not { } row || session.FindSubscription(topic.Number, name) is not { } subscription)
            return false;
        var after = target.Id
            ?? (ItemTable.FirstAt(session.Connection, topic.Number, row.LastId, target.Time!.Value.ToColumn()) ?? (row.LastId + 1)) - 1;
        var firstKept = ItemTable.FirstKept(session.Connection, topic.Number, row.LastId);
        subscription.Position = Math.Clamp(after, firstKept - 1, row.LastId);
        session.Connection["UPDATE subscriptions SET position = $position WHERE subscription_id = $subscription"].Run(
            subscription.Position, subscription.Number);
        subscription.InFlight -= session.Connection[
            "DELETE FROM deliveries WHERE subscription_id = $subscription AND item_id > $position"].Run(subscription.Number, subscription.Position);
        return true;
    }

    public static IReadOnlyList<SubscriptionStatus> List(Connection connection, Topic? topic, string? name, long now)
    {
        using var rows = connection[
            """
            SELECT s.name, t.name, s.position, t.last_id,
                   (SELECT count(*) FROM deliveries d WHERE d.subscription_id = s.subscription_id AND d.fence <> 0 AND d.due_at > $now),
                   (SELECT count(*) FROM deliveries d WHERE d.subscription_id = s.subscription_id AND (d.fence = 0 OR d.due_at <= $now)),
                   (SELECT count(*) FROM dead_letters l WHERE l.subscription_id = s.subscription_id),
                   s.lease, s.max_attempts, s.max_in_flight, s.created_at, s.destination_kind, s.destination_configuration, s.paused,
                   (SELECT i.added_at FROM items i WHERE i.row_id <= (t.topic_id << 40) + t.last_id AND i.row_id >= (t.topic_id << 40) +
                       coalesce((SELECT min(d.item_id) FROM deliveries d WHERE d.subscription_id = s.subscription_id), s.position + 1)
                    ORDER BY i.row_id LIMIT 1)
            FROM subscriptions s JOIN live_topics t USING (topic_id)
            WHERE s.name IS NOT NULL AND ($topic IS NULL OR s.topic_id = $topic) AND ($name IS NULL OR s.name = $name)
            ORDER BY t.name, s.name
            """].Rows(now, topic?.Number, name);
        var subscriptions = new List<SubscriptionStatus>();
        while (rows.Read())
        {
            subscriptions.Add(new SubscriptionStatus(
                Name: rows.GetString(0),
                Topic: rows.GetString(1),
                Position: rows.GetInt64(2),
                LastId: rows.GetInt64(3),
                Lag: rows.GetInt64(3) - rows.GetInt64(2),
                InFlight: rows.GetInt32(4),
                Waiting: rows.GetInt32(5),
                Dead: rows.GetInt32(6),
                Lease: TimeSpan.FromMilliseconds(rows.GetInt64(7)),
                MaxAttempts: rows.GetInt32(8),
                MaxInFlight: rows.GetInt32(9),
                OldestWaitingAt: Times.FromColumn(rows[14]),
                CreatedAt: Times.FromColumn(rows.GetInt64(10)))
            {
                Destination = rows.IsDBNull(11) ? null : new DestinationSettings(rows.GetString(11), rows.GetString(12)),
                Paused = rows.GetBoolean(13),
            });
        }

        return subscriptions;
    }

    private static void Push(WriteSession session, SubscriptionRow subscription, SubscriptionSettings settings)
    {
        if (settings.Paused is { } paused)
            session.Connection["UPDATE subscriptions SET paused = $paused WHERE subscription_id = $subscription"].Run(paused, subscription.Number);
        if (settings.Destination is { } destination)
        {
            var pushes = destination.Kind != DestinationSettings.None.Kind;
            session.Connection[
                "UPDATE subscriptions SET destination_kind = $kind, destination_configuration = $configuration WHERE subscription_id = $subscription"].Run(
                pushes ? destination.Kind : null, pushes ? destination.Configuration : null, subscription.Number);
        }

        subscription.Pushes = session.Connection[
            "SELECT 1 FROM subscriptions WHERE subscription_id = $subscription AND destination_kind IS NOT NULL AND paused = 0"].Value(subscription.Number) is not null;
    }
}
