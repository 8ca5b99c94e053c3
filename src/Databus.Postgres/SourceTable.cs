using Databus.Sources;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

internal static class SourceTable
{
    /// <summary>A new address or kind starts from nothing: the old validators and failures say nothing about it.</summary>
    public static async Task<bool> PutAsync(NpgsqlConnection connection, SourceSettings settings, long? time) =>
        await connection.Command(
            """
            INSERT INTO databus.sources AS s (name, kind, topic, url, poll_interval, paused, next_poll_at, created_at)
            VALUES ($1, $2, $3, $4, $5, $6, databus.now_in_ms($7::bigint), databus.now_in_ms($7::bigint))
            ON CONFLICT (name) DO UPDATE SET
                state = CASE WHEN s.url = $4 AND s.kind = $2 THEN s.state END,
                failures = CASE WHEN s.url = $4 AND s.kind = $2 THEN s.failures ELSE 0 END,
                error = CASE WHEN s.url = $4 AND s.kind = $2 THEN s.error END,
                claimed_until = CASE WHEN s.url = $4 AND s.kind = $2 THEN s.claimed_until ELSE 0 END,
                kind = $2, topic = $3, url = $4, poll_interval = $5, paused = $6, next_poll_at = databus.now_in_ms($7::bigint)
            RETURNING xmax = 0
            """,
            settings.Name, settings.Kind, settings.Topic, settings.Url.AbsoluteUri, settings.Interval.ToColumn(), settings.Paused, time)
            .ValueAsync(CancellationToken.None) is true;

    public static async Task<bool> DeleteAsync(NpgsqlConnection connection, string name) =>
        await connection.Command("DELETE FROM databus.sources WHERE name = $1", name).RunAsync(CancellationToken.None) == 1;

    public static async Task<bool> TryClaimAsync(NpgsqlConnection connection, string name, TimeSpan lease, long? time) =>
        await connection.Command(
            """
            UPDATE databus.sources SET claimed_until = databus.now_in_ms($3::bigint) + $2, asked_for = least(asked_for, 1)
            WHERE name = $1 AND claimed_until <= databus.now_in_ms($3::bigint)
              AND (asked_for > 0 OR (NOT paused AND next_poll_at <= databus.now_in_ms($3::bigint)))
            """, name, lease.ToColumn(), time).RunAsync(CancellationToken.None) == 1;

    /// <summary>Two: asked for while it is polled, which one more poll answers.</summary>
    public static async Task<bool> AskForAsync(NpgsqlConnection connection, string name, long? time) => await connection.Command(
        "UPDATE databus.sources SET asked_for = CASE WHEN claimed_until > databus.now_in_ms($2::bigint) THEN 2 ELSE 1 END WHERE name = $1", name, time)
        .RunAsync(CancellationToken.None) == 1;

    public static Task<int> RecordAsync(NpgsqlConnection connection, string name, PollRecord record) => connection.Command(
        """
        UPDATE databus.sources SET
            asked_for = CASE WHEN asked_for > 1 THEN 1 ELSE 0 END, claimed_until = 0, last_polled_at = $1, next_poll_at = $2::bigint, last_outcome = $3, error = $4::text,
            failures = $5, items_added = items_added + $6, state = coalesce($7::text, state), url = coalesce($8::text, url)
        WHERE name = $9 AND url = $10
        """,
        record.PolledAt.ToColumn(), record.NextPollAt?.ToColumn(), record.Outcome, record.Error?.Replace('\0', '\uFFFD'),
        record.Failures, record.ItemsAdded, record.State, record.MovedTo?.AbsoluteUri, name, record.PolledUrl.AbsoluteUri)
        .RunAsync(CancellationToken.None);

    public static Task<List<SourceStatus>> ListAsync(NpgsqlConnection connection, string? name, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT name, kind, topic, url, poll_interval, paused, state, next_poll_at, last_polled_at, last_outcome,
                   error, failures, items_added, created_at, asked_for, claimed_until
            FROM databus.sources WHERE $1::text IS NULL OR name = $1 ORDER BY name
            """, name).RowsAsync(
            rows => new SourceStatus(
                new SourceSettings(rows.GetString(0), rows.GetString(1), rows.GetString(2), new Uri(rows.GetString(3)))
                {
                    Interval = TimeSpan.FromMilliseconds(rows.GetInt64(4)),
                    Paused = rows.GetBoolean(5),
                },
                State: rows.Text(6),
                NextPollAt: rows.MaybeTime(7),
                LastPolledAt: rows.MaybeTime(8),
                LastOutcome: rows.Text(9),
                Error: rows.Text(10),
                Failures: rows.GetInt32(11),
                ItemsAdded: rows.GetInt64(12),
                CreatedAt: rows.Time(13))
            {
                IsAskedFor = rows.GetInt32(14) > 0,
                ClaimedUntil = rows.GetInt64(15) == 0 ? null : rows.Time(15),
            },
            cancellationToken);
}
