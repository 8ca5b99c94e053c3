using Databus.Jobs;
using Databus.Storage;

namespace Databus.Sqlite;

/// <summary>
/// The limits that jobs of one key share, within one operation: rows are read once, change in memory and are written in the
/// end. What may not start is held out of the way of the others; whatever makes room releases as many as there is room for.
/// </summary>
/// <remarks>
/// Released is waiting again, not started: so in each queue there always wait at least as many as may start. Too many do no
/// harm, since each start is judged anew. A queue in which nobody takes them keeps no other one from its share.
/// </remarks>
internal sealed class JobLimits(WriteSession session, long now)
{
    private const int KeysPerStep = 500;

    private readonly Dictionary<string, Row> _rows = new(StringComparer.Ordinal);

    /// <summary>False: it is to be held.</summary>
    public bool TryStart(JobLimit limit)
    {
        var row = Find(limit.Key);
        var per = limit.Per.ToColumn();
        if (row.Use.Room(limit.MaxRunning, limit.MaxStarts, per, now) == 0)
            return false;
        row.Use.Start(limit.MaxStarts, per, now);
        if (limit.MaxStarts > 0)
            row.StartsUntil = Math.Max(row.StartsUntil, now + per);
        return true;
    }

    /// <summary>One that ran does no more.</summary>
    public void Ended(string key)
    {
        var row = Find(key);
        row.Use.End();
        row.MakesRoom = true;
    }

    /// <summary>One that had been released, perhaps, will not start.</summary>
    public void Left(string key) => Find(key).MakesRoom = true;

    /// <summary>Releases what a period had held up. True: there may be more.</summary>
    public bool ReleaseDue()
    {
        var due = new List<string>();
        using (var rows = session.Connection["SELECT limit_key FROM job_limits WHERE free_at <= $now ORDER BY free_at LIMIT $keys"].Rows(now, KeysPerStep))
        {
            while (rows.Read())
                due.Add(rows.GetString(0));
        }

        foreach (var key in due)
            Release(key, Find(key));
        return due.Count == KeysPerStep;
    }

    public void Save()
    {
        foreach (var (key, row) in _rows)
        {
            if (row.MakesRoom)
                Release(key, row);
            Save(key, row);
        }

        _rows.Clear();
    }

    private Row Find(string key)
    {
        if (_rows.TryGetValue(key, out var row))
            return row;
        using var rows = session.Connection["SELECT running, starts, starts_until FROM job_limits WHERE limit_key = $key"].Rows(key);
        return _rows[key] = rows.Read()
            ? new Row(new LimitUse(rows.GetInt32(0), rows.GetFieldValue<byte[]>(1))) { StartsUntil = rows.GetInt64(2) }
            : new Row(new LimitUse(0, []));
    }

    private void Release(string key, Row row)
    {
        row.MakesRoom = false;
        for (var queue = ""; NextQueue(key, queue) is { } next; queue = next)
        {
            var released = new List<long>();
            using (var rows = session.Connection[
                """
                SELECT job_id, limit_running, limit_starts, limit_per FROM jobs
                WHERE state = 2 AND limit_key = $key AND queue = $queue ORDER BY priority DESC, job_id
                """].Rows(key, next))
            {
                while (rows.Read() && released.Count < row.Use.Room(rows.GetInt32(1), rows.GetInt32(2), rows.GetInt64(3), now))
                    released.Add(rows.GetInt64(0));
            }

            if (released.Count == 0)
                continue;
            session.Connection["UPDATE jobs SET state = 0 WHERE job_id IN (SELECT value FROM json_each($ids))"].Run(IdList.Of(released));
            session.MayClaim(next);
        }
    }

    /// <summary>The next queue in which jobs of the key are held: a step of the index for each, however many they are.</summary>
    private string? NextQueue(string key, string queue) => session.Connection[
        "SELECT queue FROM jobs WHERE state = 2 AND limit_key = $key AND queue > $queue ORDER BY queue LIMIT 1"].Value(key, queue) as string;

    private void Save(string key, Row row)
    {
        if (row.Use.Running == 0 && row.StartsUntil <= now)
        {
            session.Connection["DELETE FROM job_limits WHERE limit_key = $key"].Run(key);
            return;
        }

        session.Connection[
            """
            INSERT INTO job_limits (limit_key, running, starts, starts_until, free_at) VALUES ($key, $running, $starts, $until, $freeAt)
            ON CONFLICT (limit_key) DO UPDATE SET
                running = excluded.running, starts = excluded.starts, starts_until = excluded.starts_until, free_at = excluded.free_at
            """].Run(key, row.Use.Running, row.Use.Starts, row.StartsUntil, row.Use.HasStarts ? FreeAt(key, row) : null);
    }

    private long? FreeAt(string key, Row row)
    {
        using var rows = session.Connection[
            "SELECT limit_per FROM jobs WHERE state = 2 AND limit_key = $key AND limit_starts > 0 LIMIT 1"].Rows(key);
        return rows.Read() ? row.Use.NextRoomAt(rows.GetInt64(0), now) : null;
    }

    private sealed class Row(LimitUse use)
    {
        public LimitUse Use => use;

        public long StartsUntil { get; set; }

        public bool MakesRoom { get; set; }
    }
}
