using Databus.Jobs;
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
                kind = $2, topic = $3, url = $4, poll_interval = $5, paused = $6, next_poll_at = databus.now_in_ms($7::bigint)
            RETURNING xmax = 0
            """,
            settings.Name, settings.Kind, settings.Topic, settings.Url.AbsoluteUri, settings.Interval.ToColumn(), settings.Paused, time)
            .ValueAsync(CancellationToken.None) is true;

    public static async Task<bool> DeleteAsync(NpgsqlConnection connection, string name) =>
        await connection.Command("DELETE FROM databus.sources WHERE name = $1", name).RunAsync(CancellationToken.None) == 1;

    public static async Task<bool> AskForAsync(NpgsqlConnection connection, string name) => await connection.Command(
        "UPDATE databus.sources SET asked_for = asked_for + 1 WHERE name = $1", name).RunAsync(CancellationToken.None) == 1;

    /// <summary>Who asked after the source was read for this poll has another one.</summary>
    public static Task<int> RecordAsync(NpgsqlConnection connection, string name, PollRecord record) => connection.Command(
        """
        UPDATE databus.sources SET
            asked_for = CASE WHEN asked_for = $11::integer THEN 0 ELSE asked_for END, last_polled_at = $1, next_poll_at = $2::bigint, last_outcome = $3, error = $4::text,
            failures = $5, items_added = items_added + $6, state = coalesce($7::text, state), url = coalesce($8::text, url)
        WHERE name = $9 AND url = $10 AND ($12 OR last_polled_at IS NOT DISTINCT FROM $13::bigint)
        """,
        record.PolledAt.ToColumn(), record.NextPollAt?.ToColumn(), record.Outcome, record.Error?.Replace('\0', '\uFFFD'),
        record.Failures, record.ItemsAdded, record.State, record.MovedTo?.AbsoluteUri, name, record.PolledUrl.AbsoluteUri,
        record.Before?.Asks, record.Before is null, record.Before?.LastPolledAt?.ToColumn())
        .RunAsync(CancellationToken.None);

    public static Task<List<SourceStatus>> ListAsync(NpgsqlConnection connection, string? name, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT s.name, s.kind, s.topic, s.url, s.poll_interval, s.paused, s.state, s.next_poll_at, s.last_polled_at, s.last_outcome,
                   s.error, s.failures, s.items_added, s.created_at, s.asked_for, j.job_id, j.state
            FROM databus.sources s
            LEFT JOIN LATERAL (SELECT u.job_id FROM databus.unique_jobs u WHERE u.unique_key = $2 || s.name OFFSET 0) u ON true
            LEFT JOIN LATERAL (SELECT j.job_id, j.state FROM databus.jobs j WHERE j.job_id = u.job_id OFFSET 0) j ON true
            WHERE $1::text IS NULL OR s.name = $1 ORDER BY s.name
            """, name, PollSource.KeyPrefix).RowsAsync(
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
                Asks = rows.GetInt32(14),
                PollJobId = rows.Number(15),
                IsPolling = !rows.IsDBNull(16) && (JobState)rows.GetInt16(16) == JobState.Running,
            },
            cancellationToken);
}
