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
                    claimed_until = CASE WHEN url = $url AND kind = $kind THEN claimed_until ELSE 0 END,
                    kind = $kind, topic = $topic, url = $url, interval = $interval, paused = $paused, next_poll_at = $now
                WHERE name = $name
                """].Run(settings.Url.AbsoluteUri, settings.Kind, settings.Topic, settings.Interval.ToColumn(), settings.Paused, now, settings.Name);
        }

        return created;
    }

    public static bool Delete(WriteSession session, string name) =>
        session.Connection["DELETE FROM sources WHERE name = $name"].Run(name) == 1;

    public static bool TryClaim(WriteSession session, string name, TimeSpan lease) => session.Connection[
        """
        UPDATE sources SET claimed_until = $until, asked_for = asked_for > 0
        WHERE name = $name AND claimed_until <= $now AND (asked_for OR (NOT paused AND next_poll_at <= $now))
        """].Run(session.Now + lease.ToColumn(), name, session.Now) == 1;

    /// <summary>Two: asked for while it is polled, which one more poll answers.</summary>
    public static bool AskFor(WriteSession session, string name) => session.Connection[
        "UPDATE sources SET asked_for = CASE WHEN claimed_until > $now THEN 2 ELSE 1 END WHERE name = $name"].Run(session.Now, name) == 1;

    /// <summary>Differs because no other process has this file: whoever had a claim has ended.</summary>
    public static int EndClaims(Connection connection) => connection["UPDATE sources SET claimed_until = 0 WHERE claimed_until > 0"].Run();

    public static int Record(WriteSession session, string name, PollRecord record) => session.Connection[
        """
        UPDATE sources SET
            asked_for = asked_for > 1, claimed_until = 0, last_polled_at = $polledAt, next_poll_at = $nextPollAt, last_outcome = $outcome, error = $error,
            failures = $failures, items_added = items_added + $added, state = coalesce($state, state), url = coalesce($movedTo, url)
        WHERE name = $name AND url = $polledUrl
        """].Run(
        record.PolledAt.ToColumn(), record.NextPollAt?.ToColumn(), record.Outcome, record.Error,
        record.Failures, record.ItemsAdded, record.State, record.MovedTo?.AbsoluteUri, name, record.PolledUrl.AbsoluteUri);

    public static IReadOnlyList<SourceStatus> List(Connection connection, string? name)
    {
        using var rows = connection[
            """
            SELECT name, kind, topic, url, interval, paused, state, next_poll_at, last_polled_at, last_outcome,
                   error, failures, items_added, created_at, asked_for, claimed_until
            FROM sources WHERE $name IS NULL OR name = $name ORDER BY name
            """].Rows(name);
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
                IsAskedFor = rows.GetBoolean(14),
                ClaimedUntil = rows.GetInt64(15) == 0 ? null : Times.FromColumn(rows.GetInt64(15)),
            });
        }

        return sources;
    }

    private static string? Text(SqliteDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetString(column);
}
