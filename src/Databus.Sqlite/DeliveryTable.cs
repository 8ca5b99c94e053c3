using Databus.Storage;
using Databus.Subscriptions;
using Databus.Topics;

namespace Databus.Sqlite;

/// <summary>What is leased or waits to be delivered again, and the dead letters.</summary>
internal static class DeliveryTable
{
    private const int MaxBytesPerFetch = 8 << 20;
    private const string LeaseEnded = "No acknowledgement came before the lease ended.";

    public static FetchResult Fetch(WriteSession session, Topic topic, string name, int max, TimeSpan? lease)
    {
        if (session.FindTopic(topic.Number) is not { } row)
            return FetchResult.Nothing;
        var subscription = session.FindSubscription(topic.Number, name)
            ?? SubscriptionTable.Create(session, row, name, new SubscriptionSettings(), SubscriptionStart.Beginning);
        return subscription.Pushes
            ? FetchResult.Nothing with { Pushes = true }
            : Fetch(session, row, subscription, max, lease?.ToColumn() ?? subscription.Lease);
    }

    public static FetchResult FetchToPush(WriteSession session, PushSubscription push, int max) =>
        session.FindTopic(push.Topic.Number) is { } row
        && session.FindSubscription(push.Topic.Number, push.Name) is { } subscription
        && SubscriptionTable.PushesTo(session, subscription, push.Destination)
            ? Fetch(session, row, subscription, max, push.Lease.ToColumn())
            : FetchResult.Nothing;

    private static FetchResult Fetch(WriteSession session, TopicRow row, SubscriptionRow subscription, int max, long lease)
    {
        var fetch = new Fetching(session, row, subscription, max, lease);
        fetch.TakeDue();
        fetch.TakeNew();
        fetch.SavePosition();
        return new FetchResult(
            fetch.Deliveries,
            fetch.IsFull && fetch.MoreIsThere(),
            NextDueAt(session, subscription),
            IsHeldUp: subscription.Position < row.LastId && subscription.InFlight >= subscription.MaxInFlight);
    }

    public static IReadOnlyList<LeaseToken> Acknowledge(WriteSession session, Topic topic, string name, IReadOnlyList<LeaseToken> tokens)
    {
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
            return tokens;
        var now = session.Now;
        var lost = new List<LeaseToken>();
        foreach (var token in tokens)
        {
            var ended = session.Connection[
                """
                DELETE FROM deliveries
                WHERE subscription_id = $subscription AND item_id = $item AND fence = $fence AND due_at > $now AND fence <> 0
                """].Run(subscription.Number, token.Id, token.Fence, now);
            if (ended == 1)
                subscription.InFlight--;
            else
                lost.Add(token);
        }

        return lost;
    }

    public static NackResult NegativeAcknowledge(
        WriteSession session, Topic topic, string name, IReadOnlyList<NegativeAcknowledgement> returns)
    {
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
            return new NackResult(0, 0, [.. returns.Select(one => one.Token)]);
        var now = session.Now;
        var lost = new List<LeaseToken>();
        int returned = 0, dead = 0;
        foreach (var (token, delay, reason, use) in returns)
        {
            if (session.Connection[
                """
                SELECT attempt FROM deliveries
                WHERE subscription_id = $subscription AND item_id = $item AND fence = $fence AND due_at > $now AND fence <> 0
                """].Value(subscription.Number, token.Id, token.Fence, now) is not long attempt)
            {
                lost.Add(token);
            }
            else if (use == AttemptUse.IsTheLast || (use == AttemptUse.Counts && attempt >= subscription.MaxAttempts))
            {
                Bury(session, subscription, token.Id, (int)attempt, reason ?? "Returned by the consumer without a reason.");
                dead++;
            }
            else
            {
                session.Connection[
                    """
                    UPDATE deliveries SET fence = 0, due_at = $due, reason = $reason, attempt = attempt - $unused
                    WHERE subscription_id = $subscription AND item_id = $item
                    """].Run(now + delay.ToColumn(), reason, use == AttemptUse.DoesNotCount ? 1 : 0, subscription.Number, token.Id);
                returned++;
            }
        }

        return new NackResult(returned, dead, lost);
    }

    public static IReadOnlyList<LeaseToken> Extend(
        WriteSession session, Topic topic, string name, IReadOnlyList<LeaseToken> tokens, TimeSpan lease)
    {
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
            return tokens;
        var now = session.Now;
        return [.. tokens.Where(token => session.Connection[
            """
            UPDATE deliveries SET due_at = $due
            WHERE subscription_id = $subscription AND item_id = $item AND fence = $fence AND due_at > $now AND fence <> 0
            """].Run(now + lease.ToColumn(), subscription.Number, token.Id, token.Fence, now) == 0)];
    }

    public static IReadOnlyList<DeadLetter> ListDead(Connection connection, Topic topic, string name, long after, int limit)
    {
        using var rows = connection[
            """
            SELECT l.item_id, i.content, i.added_at, l.attempts, l.reason, l.died_at
            FROM subscriptions s
            JOIN dead_letters l USING (subscription_id)
            JOIN items i ON i.row_id = (s.topic_id << 40) + l.item_id
            WHERE s.topic_id = $topic AND s.name = $name AND l.item_id > $after
            ORDER BY l.item_id LIMIT $limit
            """].Rows(topic.Number, name, after, limit);
        var dead = new List<DeadLetter>();
        for (var bytes = 0; bytes < MaxBytesPerFetch && rows.Read();)
        {
            var content = rows.GetFieldValue<byte[]>(1);
            bytes += content.Length;
            dead.Add(new DeadLetter(
                rows.GetInt64(0), content, Times.FromColumn(rows.GetInt64(2)), rows.GetInt32(3), rows.GetString(4), Times.FromColumn(rows.GetInt64(5))));
        }

        return dead;
    }

    /// <summary>The ids of up to this many dead letters, for the steps of a replay or removal of all.</summary>
    public static IReadOnlyList<long> DeadIds(Connection connection, Topic topic, string name, int limit)
    {
        using var rows = connection[
            """
            SELECT l.item_id FROM subscriptions s JOIN dead_letters l USING (subscription_id)
            WHERE s.topic_id = $topic AND s.name = $name ORDER BY l.item_id LIMIT $limit
            """].Rows(topic.Number, name, limit);
        var ids = new List<long>();
        while (rows.Read())
            ids.Add(rows.GetInt64(0));
        return ids;
    }

    public static int ReplayDead(WriteSession session, Topic topic, string name, IReadOnlyList<long> ids)
    {
        if (session.FindSubscription(topic.Number, name) is not { } subscription)
            return 0;
        var now = session.Now;
        var replayed = 0;
        foreach (var id in ids)
        {
            if (RemoveDead(session, subscription, id) == 0)
                continue;
            replayed++;

            // After a rewind an item behind the position comes anew by itself.
            if (id > subscription.Position)
                continue;
            subscription.InFlight += session.Connection[
                """
                INSERT INTO deliveries (subscription_id, item_id, attempt, fence, due_at)
                VALUES ($subscription, $item, 0, 0, $now) ON CONFLICT DO NOTHING
                """].Run(subscription.Number, id, now);
        }

        return replayed;
    }

    public static int DiscardDead(WriteSession session, Topic topic, string name, IReadOnlyList<long> ids) =>
        session.FindSubscription(topic.Number, name) is { } subscription
            ? ids.Sum(id => RemoveDead(session, subscription, id))
            : 0;

    private static int RemoveDead(WriteSession session, SubscriptionRow subscription, long id) => session.Connection[
        "DELETE FROM dead_letters WHERE subscription_id = $subscription AND item_id = $item"].Run(subscription.Number, id);

    private static void Bury(WriteSession session, SubscriptionRow subscription, long item, int attempts, string reason)
    {
        session.Connection[
            """
            INSERT INTO dead_letters (subscription_id, item_id, attempts, reason, died_at)
            VALUES ($subscription, $item, $attempts, $reason, $now)
            ON CONFLICT DO UPDATE SET attempts = excluded.attempts, reason = excluded.reason, died_at = excluded.died_at
            """].Run(subscription.Number, item, attempts, reason, session.Now);
        Remove(session, subscription, item);
    }

    private static void Remove(WriteSession session, SubscriptionRow subscription, long item) =>
        subscription.InFlight -= session.Connection[
            "DELETE FROM deliveries WHERE subscription_id = $subscription AND item_id = $item"].Run(subscription.Number, item);

    private static DateTimeOffset? NextDueAt(WriteSession session, SubscriptionRow subscription) => Times.FromColumn(
        session.Connection["SELECT min(due_at) FROM deliveries WHERE subscription_id = $subscription"].Value(subscription.Number));

    /// <summary>One fetch, step by step.</summary>
    private sealed class Fetching(WriteSession session, TopicRow topic, SubscriptionRow subscription, int max, long lease)
    {
        private readonly long _now = session.Now;
        private readonly long _positionBefore = subscription.Position;

        // Grows even where the clock goes back or the database came from a backup, so that no token of an
        // earlier lease is ever current again.
        private readonly long _fence = Math.Max(subscription.Fence + 1, session.NowInMicroseconds);

        private int _bytes;

        public List<Delivery> Deliveries { get; } = [];

        public bool IsFull => Deliveries.Count >= max || _bytes >= MaxBytesPerFetch;

        private bool AcknowledgesAtOnce => lease == 0;

        public void TakeDue()
        {
            // What is buried makes room, so one look may not be enough.
            while (subscription.InFlight > 0 && !IsFull && TakeSomeDue())
            {
            }
        }

        public void TakeNew()
        {
            var room = Math.Min(max - Deliveries.Count, AcknowledgesAtOnce ? int.MaxValue : subscription.MaxInFlight - subscription.InFlight);
            if (room <= 0 || _bytes >= MaxBytesPerFetch || subscription.Position >= topic.LastId)
                return;

            using var rows = session.Connection[
                "SELECT row_id, content, added_at FROM items WHERE row_id > $after AND row_id <= $last ORDER BY row_id LIMIT $max"].Rows(
                RowId.Of(topic.Topic.Number, subscription.Position), RowId.Of(topic.Topic.Number, topic.LastId), room);
            while (_bytes < MaxBytesPerFetch && rows.Read())
            {
                var item = RowId.IdOf(rows.GetInt64(0));
                if (!AcknowledgesAtOnce)
                {
                    subscription.InFlight += session.Connection[
                        """
                        INSERT INTO deliveries (subscription_id, item_id, attempt, fence, due_at)
                        VALUES ($subscription, $item, 1, $fence, $due)
                        """].Run(subscription.Number, item, _fence, _now + lease);
                }

                Add(item, attempt: 1, rows.GetFieldValue<byte[]>(1), rows.GetInt64(2));
                subscription.Position = item;
            }
        }

        public void SavePosition()
        {
            if (Deliveries.Count == 0 && subscription.Position == _positionBefore)
                return;
            subscription.Fence = _fence;
            session.Connection[
                "UPDATE subscriptions SET position = $position, fence = $fence WHERE subscription_id = $subscription"].Run(
                subscription.Position, _fence, subscription.Number);
        }

        public bool MoreIsThere() =>
            (subscription.Position < topic.LastId && subscription.InFlight < subscription.MaxInFlight)
            || (subscription.InFlight > 0 && NextDueAt(session, subscription) <= Times.FromColumn(_now));

        private bool TakeSomeDue()
        {
            // Read first, then written: the rows read are the ones that change.
            var due = new List<(long Item, int Attempt, string? Reason, byte[]? Content, long AddedAt)>();
            using (var rows = session.Connection[
                """
                SELECT d.item_id, d.attempt, d.reason, i.content, i.added_at
                FROM deliveries d LEFT JOIN items i ON i.row_id = ($topic << 40) + d.item_id
                WHERE d.subscription_id = $subscription AND d.due_at <= $now
                ORDER BY d.due_at, d.item_id LIMIT $max
                """].Rows(topic.Topic.Number, subscription.Number, _now, max - Deliveries.Count))
            {
                for (var bytes = _bytes; bytes < MaxBytesPerFetch && rows.Read();)
                {
                    var content = rows.IsDBNull(3) ? null : rows.GetFieldValue<byte[]>(3);
                    bytes += content?.Length ?? 0;
                    due.Add((rows.GetInt64(0), rows.GetInt32(1), rows.IsDBNull(2) ? null : rows.GetString(2), content, content is null ? 0 : rows.GetInt64(4)));
                }
            }

            foreach (var (item, attempt, reason, content, addedAt) in due)
            {
                if (content is null)
                    Remove(session, subscription, item);
                else if (attempt >= subscription.MaxAttempts)
                    Bury(session, subscription, item, attempt, reason ?? LeaseEnded);
                else
                    TakeAgain(item, attempt + 1, content, addedAt);
            }

            return due.Count > 0;
        }

        private void TakeAgain(long item, int attempt, byte[] content, long addedAt)
        {
            if (AcknowledgesAtOnce)
            {
                Remove(session, subscription, item);
            }
            else
            {
                session.Connection[
                    """
                    UPDATE deliveries SET attempt = $attempt, fence = $fence, due_at = $due
                    WHERE subscription_id = $subscription AND item_id = $item
                    """].Run(attempt, _fence, _now + lease, subscription.Number, item);
            }

            Add(item, attempt, content, addedAt);
        }

        private void Add(long item, int attempt, byte[] content, long addedAt)
        {
            _bytes += content.Length;
            Deliveries.Add(new Delivery(
                item, content, Times.FromColumn(addedAt), attempt, AcknowledgesAtOnce ? null : new LeaseToken(item, _fence)));
        }
    }
}
