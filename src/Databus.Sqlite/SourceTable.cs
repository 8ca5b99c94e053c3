using Databus.Jobs;
using Databus.Sources;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

internal static class SourceTable
{
    /// <summary>A new address or kind starts from nothing: the old validators and failures say nothing about it.</summary>
    public static bool Put(WriteSession session, SourceSettings settings)
    {
        var now = session.Now;
        var created = session.Connection[
            """
            INSERT INTO sources (name, kind, topic, url, interval, paused, next_poll_at, created_at)
            VALUES ($name, $kind, $topic, $url, $interval, $paused, $now, $now) ON CONFLICT DO NOTHING
            """].Run(settings.Name, settings.Kind, settings.Topic, settings.Url.AbsoluteUri, settings.Interval.ToColumn(), settings.Paused, now) == 1;
        if (!created)
        {
            session.Connection[
                """
                UPDATE sources SET
                    state = CASE WHEN url = $url AND kind = $kind THEN state END,
                    failures = CASE WHEN url = $url AND kind = $kind THEN failures ELSE 0 END,
                    error = CASE WHEN url = $url AND kind = $kind THEN error END,
                    kind = $kind, topic = $topic, url = $url, interval = $interval, paused = $paused, next_poll_at = $now
                WHERE name = $name
                """].Run(settings.Url.AbsoluteUri, settings.Kind, settings.Topic, settings.Interval.ToColumn(), settings.Paused, now, settings.Name);
        }

        return created;
    }

    public static bool Delete(WriteSession session, string name) =>
        session.Connection["DELETE FROM sources WHERE name = $name"].Run(name) == 1;

    public static bool AskFor(WriteSession session, string name) =>
        session.Connection["UPDATE sources SET asked_for = asked_for + 1 WHERE name = $name"].Run(name) == 1;

    /// <summary>Who asked after the source was read for this poll has another one.</summary>
    public static int Record(WriteSession session, string name, PollRecord record) => session.Connection[
        """
        UPDATE sources SET
            asked_for = CASE WHEN asked_for = $asks THEN 0 ELSE asked_for END, last_polled_at = $polledAt, next_poll_at = $nextPollAt, last_outcome = $outcome, error = $error,
            failures = $failures, items_added = items_added + $added, state = coalesce($state, state), url = coalesce($movedTo, url)
        WHERE name = $name AND url = $polledUrl AND ($isAny OR last_polled_at IS $lastPolledAt)
        """].Run(
        record.Before?.Asks, record.PolledAt.ToColumn(), record.NextPollAt?.ToColumn(), record.Outcome, record.Error,
        record.Failures, record.ItemsAdded, record.State, record.MovedTo?.AbsoluteUri, name, record.PolledUrl.AbsoluteUri,
        record.Before is null, record.Before?.LastPolledAt?.ToColumn());

    public static IReadOnlyList<SourceStatus> List(Connection connection, string? name)
    {
        using var rows = connection[
            """
            SELECT s.name, s.kind, s.topic, s.url, s.interval, s.paused, s.state, s.next_poll_at, s.last_polled_at, s.last_outcome,
                   s.error, s.failures, s.items_added, s.created_at, s.asked_for, j.job_id, j.state
            FROM sources s
            LEFT JOIN unique_jobs u ON u.unique_key = $prefix || s.name
            LEFT JOIN jobs j ON j.job_id = u.job_id
            WHERE $name IS NULL OR s.name = $name ORDER BY s.name
            """].Rows(PollSource.KeyPrefix, name);
        var sources = new List<SourceStatus>();
        while (rows.Read())
        {
            sources.Add(new SourceStatus(
                new SourceSettings(rows.GetString(0), rows.GetString(1), rows.GetString(2), new Uri(rows.GetString(3)))
                {
                    Interval = TimeSpan.FromMilliseconds(rows.GetInt64(4)),
                    Paused = rows.GetBoolean(5),
                },
                State: Text(rows, 6),
                NextPollAt: Times.FromColumn(rows[7]),
                LastPolledAt: Times.FromColumn(rows[8]),
                LastOutcome: Text(rows, 9),
                Error: Text(rows, 10),
                Failures: rows.GetInt32(11),
                ItemsAdded: rows.GetInt64(12),
                CreatedAt: Times.FromColumn(rows.GetInt64(13)))
            {
                Asks = rows.GetInt32(14),
                PollJobId = rows.IsDBNull(15) ? null : rows.GetInt64(15),
                IsPolling = !rows.IsDBNull(16) && rows.GetInt32(16) == (int)JobState.Running,
            });
        }

        return sources;
    }

    private static string? Text(SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}
