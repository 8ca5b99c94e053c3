using Databus.Jobs;
using Databus.Storage;

namespace Databus.Sqlite;

/// <summary>What was set for a queue, as the writer holds it in memory. Its use is counted only while it has a limit.</summary>
internal sealed class QueueRow(string name, bool isPaused, int maxRunning, int maxStarts, long per, LimitUse use)
{
    public string Name => name;

    public bool IsPaused => isPaused;

    public int MaxRunning => maxRunning;

    public int MaxStarts => maxStarts;

    public long Per => per;

    public LimitUse Use => use;

    public bool HasLimit => maxRunning > 0 || maxStarts > 0;

    public int Room(long now) => isPaused ? 0 : use.Room(maxRunning, maxStarts, per, now);
}

internal static class QueueTable
{
    private const long LastMinute = 60_000;

    public static Dictionary<string, QueueRow> Load(Connection connection)
    {
        using var rows = connection["SELECT queue, paused, limit_running, limit_starts, limit_per, running, starts FROM queues"].Rows();
        var queues = new Dictionary<string, QueueRow>(StringComparer.Ordinal);
        while (rows.Read())
        {
            queues[rows.GetString(0)] = new QueueRow(
                rows.GetString(0), rows.GetBoolean(1), rows.GetInt32(2), rows.GetInt32(3), rows.GetInt64(4),
                new LimitUse(rows.GetInt32(5), rows.GetFieldValue<byte[]>(6)));
        }

        return queues;
    }

    public static bool Put(WriteSession session, string queue, bool paused, JobLimit? limit)
    {
        if (paused || limit is not null)
        {
            // Who runs without a limit is not counted: so what runs already is counted now.
            session.Connection[
                """
                INSERT INTO queues (queue, paused, limit_running, limit_starts, limit_per, running, starts)
                VALUES ($queue, $paused, $maxRunning, $maxStarts, $per, (SELECT count(*) FROM jobs WHERE state = 4 AND queue = $queue), x'')
                ON CONFLICT (queue) DO UPDATE SET
                    paused = excluded.paused, limit_running = excluded.limit_running, limit_starts = excluded.limit_starts,
                    limit_per = excluded.limit_per, running = excluded.running
                """].Run(queue, paused, limit?.MaxRunning ?? 0, limit?.MaxStarts ?? 0, limit?.Per.ToColumn() ?? 0);
        }
        else
        {
            session.Connection["DELETE FROM queues WHERE queue = $queue"].Run(queue);
        }

        session.ForgetQueues();
        session.MayClaim(queue);
        return true;
    }

    public static void Started(WriteSession session, QueueRow queue, int count, long now)
    {
        for (var start = 0; start < count; start++)
            queue.Use.Start(queue.MaxStarts, queue.Per, now);
        Save(session, queue);
    }

    public static void Ended(WriteSession session, string name, int count)
    {
        if (session.FindQueue(name) is not { HasLimit: true } queue)
            return;
        queue.Use.End(count);
        Save(session, queue);
        session.MayClaim(name);
    }

    public static void Count(WriteSession session, string queue, int ended, long wait) => session.Connection[
        """
        INSERT INTO job_counts (at, queue, ended, wait) VALUES ($second, $queue, $ended, $wait)
        ON CONFLICT (at, queue) DO UPDATE SET ended = ended + excluded.ended, wait = wait + excluded.wait
        """].Run(session.Now / 1000 * 1000, queue, ended, wait);

    public static IReadOnlyList<QueueStatus> List(Connection connection, long now)
    {
        var found = new SortedDictionary<string, Found>(StringComparer.Ordinal);
        Found Queue(string name) => found.TryGetValue(name, out var queue) ? queue : found[name] = new Found();

        // Each state by its own index: a million jobs that wait are counted without reading one of them.
        using (var rows = connection[
            """
            SELECT queue, 0, count(*) FROM jobs WHERE state = 0 GROUP BY queue
            UNION ALL SELECT queue, 1, count(*) FROM jobs WHERE state = 1 GROUP BY queue
            UNION ALL SELECT queue, 2, count(*) FROM jobs WHERE state = 2 GROUP BY queue
            UNION ALL SELECT queue, 3, count(*) FROM jobs WHERE state = 3 GROUP BY queue
            UNION ALL SELECT queue, 4, count(*) FROM jobs WHERE state = 4 GROUP BY queue
            """].Rows())
        {
            while (rows.Read())
                Queue(rows.GetString(0)).Counts[(JobState)rows.GetInt32(1)] = rows.GetInt64(2);
        }

        using (var rows = connection["SELECT queue, sum(ended), sum(wait) FROM job_counts WHERE at > $since GROUP BY queue"].Rows(now - LastMinute))
        {
            while (rows.Read())
            {
                var queue = Queue(rows.GetString(0));
                queue.Ended = rows.GetInt64(1);
                queue.Wait = rows.GetInt64(2);
            }
        }

        foreach (var settings in Load(connection).Values)
            Queue(settings.Name).Settings = settings;
        return [.. found.Select(queue => queue.Value.ToStatus(queue.Key, OldestDueAt(connection, queue.Key)))];
    }

    /// <summary>Of the oldest job of each priority, found by the index.</summary>
    private static DateTimeOffset? OldestDueAt(Connection connection, string queue) => Times.FromColumn(connection[
        """
        SELECT min(due_at) FROM jobs WHERE job_id IN (
            SELECT (SELECT min(job_id) FROM jobs WHERE state = 0 AND queue = $queue AND priority = wanted.value) FROM json_each('[0,1,2]') AS wanted)
        """].Value(queue));

    private static void Save(WriteSession session, QueueRow queue) => session.Connection[
        "UPDATE queues SET running = $running, starts = $starts WHERE queue = $queue"].Run(queue.Use.Running, queue.Use.Starts, queue.Name);

    private sealed class Found
    {
        public Dictionary<JobState, long> Counts { get; } = [];

        public QueueRow? Settings { get; set; }

        public long Ended { get; set; }

        public long Wait { get; set; }

        public QueueStatus ToStatus(string name, DateTimeOffset? oldestDueAt) => new(
            name,
            Settings?.IsPaused == true,
            Settings is { HasLimit: true } limited ? new JobLimit(name, limited.MaxRunning, limited.MaxStarts, TimeSpan.FromMilliseconds(limited.Per)) : null,
            Counts,
            oldestDueAt,
            Ended,
            Ended == 0 ? null : TimeSpan.FromMilliseconds(Wait / Ended));
    }
}
