using System.Text;
using Databus.Outbox;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>
/// A claim within one write transaction, which is the turn that claims take here; so it can look in steps. What it takes and what not is
/// the same as on PostgreSQL.
/// </summary>
internal sealed class OutboxClaiming(SqliteConnection connection, long now)
{
    public OutboxClaims Claim(IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay)
    {
        connection.Command(
            "DELETE FROM databus_outbox_claim WHERE lease_until <= $now AND token NOT IN (SELECT value FROM json_each($held))",
            now, IdList.OfNames(underWay.Select(token => token.ToColumn()))).Run();
        var live = connection.Command("SELECT token, type, whole_type, ids FROM databus_outbox_claim")
            .Rows(rows => new Claimed(rows.GetString(0), rows.GetString(1), rows.GetBoolean(2), OutboxSql.FromJson(rows.GetString(3))));
        var batches = new List<OutboxBatch>();
        var ends = new List<OutboxLookEnd>();
        long? nextDue = null;
        foreach (var look in looks)
        {
            var others = live.FindAll(claim => claim.Type == look.Type && claim.Token != look.Token.ToColumn());
            if (others.Exists(claim => claim.IsWholeType || look.WholeType))
            {
                ends.Add(new OutboxLookEnd(Next: null, IsHeld: true));
                continue;
            }

            var taken = live.Where(claim => claim.Type == look.Type).SelectMany(claim => claim.Ids).ToHashSet();
            var (chosen, next) = Choose(look, taken);
            ends.Add(new OutboxLookEnd(next, IsHeld: false));
            if (chosen.Count > 0)
            {
                Insert(look, chosen, lease);
                live.Add(new Claimed(look.Token.ToColumn(), look.Type, look.WholeType, chosen));
                batches.Add(new OutboxBatch(look.Token, look.Type, Read(chosen)));
            }

            if (connection.Command("SELECT min(due_at) FROM databus_outbox_message WHERE type = $type AND due_at > $now", look.Type, now).Value() is long due)
                nextDue = Math.Min(nextDue ?? long.MaxValue, due);
        }

        return new OutboxClaims(batches, ends, nextDue is { } time ? TimeSpan.FromMilliseconds(time - now) : null);
    }

    private (List<long> Chosen, long? Next) Choose(OutboxLook look, HashSet<long> taken)
    {
        var sight = look.Most + taken.Count;
        var fresh = connection.Command(
            """
            SELECT id, order_key FROM databus_outbox_message
            WHERE type = $type AND due_at IS NULL AND id >= $from ORDER BY id LIMIT $sight
            """,
            look.Type, look.From, sight).Rows(ReadSeen);
        var waiting = look.IgnoresBackOff
            ? connection.Command(
                """
                SELECT id, order_key FROM databus_outbox_message
                WHERE type = $type AND due_at IS NOT NULL AND id >= $from ORDER BY id LIMIT $sight
                """,
                look.Type, look.From, sight).Rows(ReadSeen)
            : connection.Command(
                """
                -- Of each key the first one only: what is behind it may be due before it, and would take the place of others.
                SELECT id, order_key FROM databus_outbox_message m
                WHERE type = $type AND due_at <= $now
                    AND NOT EXISTS (
                        SELECT 1 FROM databus_outbox_message e
                        WHERE e.type = m.type AND e.order_key = m.order_key AND e.due_at IS NOT NULL AND e.id < m.id)
                    AND NOT EXISTS (SELECT 1 FROM databus_outbox_parked p WHERE p.type = m.type AND p.order_key = m.order_key AND p.holds_key)
                ORDER BY due_at LIMIT $sight
                """,
                look.Type, now, sight).Rows(ReadSeen);

        // Of those that were cut off at the sight, all up to here were seen.
        long? horizon = fresh.Count >= sight ? fresh[^1].Id : null;
        if (look.IgnoresBackOff && waiting.Count >= sight)
            horizon = Math.Min(horizon ?? long.MaxValue, waiting[^1].Id);
        bool IsInSight(Seen one) => !taken.Contains(one.Id) && (horizon is not { } last || one.Id <= last);

        var dueIds = look.IgnoresBackOff ? [] : waiting.Select(one => one.Id).ToHashSet();
        var candidates = fresh.Where(IsInSight).Concat(waiting.Where(one => look.IgnoresBackOff ? IsInSight(one) : !taken.Contains(one.Id)))
            .OrderBy(one => one.Id).ToList();
        var heldUp = HeldUp(look.Type, candidates);
        var able = candidates.FindAll(one => one.OrderKey is null || one.Id < heldUp[one.OrderKey]);
        long? left = able.Skip(look.Most).Select(one => one.Id).Where(id => !dueIds.Contains(id)).Select(id => (long?)id).FirstOrDefault();
        var next = Math.Min(left ?? long.MaxValue, horizon + 1 ?? long.MaxValue);
        return (able.Take(look.Most).Select(one => one.Id).ToList(), next == long.MaxValue ? null : next);
    }

    /// <summary>
    /// Of each key the first id that is not to be had: because it is claimed, waits to be tried again, or was not looked at; with a parked
    /// one that holds its key, none is to be had.
    /// </summary>
    private Dictionary<string, long> HeldUp(string type, List<Seen> candidates)
    {
        var heldUp = new Dictionary<string, long>(StringComparer.Ordinal);
        var ids = candidates.Select(one => one.Id).ToHashSet();
        foreach (var key in candidates.Where(one => one.OrderKey is not null).GroupBy(one => one.OrderKey!, StringComparer.Ordinal))
        {
            heldUp[key.Key] = connection.Command(
                "SELECT 1 FROM databus_outbox_parked WHERE type = $type AND order_key = $key AND holds_key LIMIT 1", type, key.Key).Value() is not null
                ? 0
                : connection.Command(
                    "SELECT id FROM databus_outbox_message WHERE type = $type AND order_key = $key AND id < $newest ORDER BY id",
                    type, key.Key, key.Max(one => one.Id)).Rows(rows => rows.GetInt64(0)).Find(id => !ids.Contains(id)) is > 0 and var first
                    ? first
                    : long.MaxValue;
        }

        return heldUp;
    }

    private void Insert(OutboxLook look, List<long> ids, TimeSpan lease) => connection.Command(
        """
        INSERT INTO databus_outbox_claim (token, type, whole_type, ids, lease_until) VALUES ($token, $type, $whole, $ids, $until)
        ON CONFLICT (token) DO UPDATE SET ids = excluded.ids, lease_until = excluded.lease_until
        """,
        look.Token.ToColumn(), look.Type, look.WholeType, IdList.Of(ids), now + lease.ToColumn()).Run();

    private List<ClaimedOutboxMessage> Read(List<long> ids) => connection.Command(
        """
        SELECT id, message_id, order_key, content, recorded_at, trace_parent, attempts FROM databus_outbox_message
        WHERE id IN (SELECT value FROM json_each($ids)) ORDER BY id
        """,
        IdList.Of(ids)).Rows(rows => new ClaimedOutboxMessage(
            rows.GetInt64(0), Guid.Parse(rows.GetString(1)), rows.Text(2), Encoding.UTF8.GetBytes(rows.GetString(3)), Times.FromColumn(rows.GetInt64(4)),
            rows.Text(5), rows.GetInt32(6)));

    private static Seen ReadSeen(SqliteDataReader rows) => new(rows.GetInt64(0), rows.Text(1));

    private readonly record struct Seen(long Id, string? OrderKey);

    private sealed record Claimed(string Token, string Type, bool IsWholeType, List<long> Ids);
}
