using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>
/// Removes what is no longer kept of jobs: counts, ended jobs, logs of jobs that are gone, unique keys and limits that are
/// over. It walks each table in its own order, a bounded stretch at a time, and begins anew some minutes after it came to the
/// end. Readers do the looking; the writer is asked only where something is to go.
/// </summary>
internal sealed class JobPurge(Writer writer, Readers readers, TimeProvider time)
{
    private const int RowsPerStep = 250;
    private const int LooksPerStep = 4000;

    /// <summary>A log has up to a thousand lines.</summary>
    private const int LogsPerStep = 4;
    private static readonly TimeSpan CountsKept = TimeSpan.FromHours(1);
    private static readonly TimeSpan BetweenWalks = TimeSpan.FromMinutes(10);

    // Lost at a restart, which costs a second look and nothing else.
    private int _table;
    private long _id;
    private string _key = "";
    private DateTimeOffset _nextWalkAt = DateTimeOffset.MinValue;

    /// <summary>Null: there is nothing to do now.</summary>
    public async Task<PurgeStep?> StepAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (now < _nextWalkAt)
            return null;
        var (removed, isOver) = _table switch
        {
            0 => await RemoveCountsAsync(now, cancellationToken),
            1 => await RemoveEndedAsync(now.ToColumn(), cancellationToken),
            2 => await RemoveLogsAsync(cancellationToken),
            3 => await RemoveKeysAsync(now.ToColumn(), cancellationToken),
            _ => await RemoveLimitsAsync(now.ToColumn(), cancellationToken),
        };
        if (!isOver)
            return new PurgeStep(removed, More: true);
        (_table, _id, _key) = (_table + 1, 0, "");
        if (_table <= 4)
            return new PurgeStep(removed, More: true);
        _table = 0;
        _nextWalkAt = now + BetweenWalks;
        return removed > 0 ? new PurgeStep(removed, More: true) : null;
    }

    private async Task<(int Removed, bool IsOver)> RemoveCountsAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var before = (now - CountsKept).ToColumn();
        if (await readers.ReadAsync(connection => connection["SELECT 1 FROM job_counts WHERE at < $before LIMIT 1"].Value(before), cancellationToken) is null)
            return (0, true);
        return (await WriteAsync(
            session => session.Connection[
                "DELETE FROM job_counts WHERE (at, queue) IN (SELECT at, queue FROM job_counts WHERE at < $before ORDER BY at LIMIT $rows)"].Run(before, RowsPerStep),
            cancellationToken), false);
    }

    private async Task<(int Removed, bool IsOver)> RemoveEndedAsync(long now, CancellationToken cancellationToken)
    {
        var from = _id;
        var (past, end) = await readers.ReadAsync(
            connection =>
            {
                using var rows = connection[
                    "SELECT job_id, ended_at + keep_for FROM ended_jobs WHERE job_id > $from ORDER BY job_id LIMIT $looks"].Rows(from, LooksPerStep);
                var ids = new List<long>();
                for (var looked = 1; rows.Read(); looked++)
                {
                    if (rows.GetInt64(1) <= now)
                        ids.Add(rows.GetInt64(0));
                    if (looked == LooksPerStep || ids.Count == RowsPerStep)
                        return (ids, rows.GetInt64(0));
                }

                return (ids, (long?)null);
            },
            cancellationToken);
        _id = end ?? 0;

        // Judged again inside the transaction: one that was retried may have ended anew.
        var removed = past.Count == 0 ? 0 : await WriteAsync(
            session => session.Connection[
                "DELETE FROM ended_jobs WHERE job_id IN (SELECT value FROM json_each($ids)) AND ended_at + keep_for <= $now"].Run(IdList.Of(past), now),
            cancellationToken);
        return (removed, end is null);
    }

    private async Task<(int Removed, bool IsOver)> RemoveLogsAsync(CancellationToken cancellationToken)
    {
        var from = _id;
        var (gone, end) = await readers.ReadAsync(
            connection =>
            {
                var ids = new List<long>();
                var at = from;
                for (var looked = 0; looked < RowsPerStep && ids.Count < LogsPerStep; looked++)
                {
                    if (connection["SELECT job_id FROM job_log WHERE job_id > $at ORDER BY job_id LIMIT 1"].Value(at) is not long next)
                        return (ids, (long?)null);
                    if (connection["SELECT 1 FROM jobs WHERE job_id = $job UNION ALL SELECT 1 FROM ended_jobs WHERE job_id = $job"].Value(next) is null)
                        ids.Add(next);
                    at = next;
                }

                return (ids, at);
            },
            cancellationToken);
        _id = end ?? 0;

        // Ids are never given again: what is gone stays gone.
        var removed = gone.Count == 0 ? 0 : await WriteAsync(
            session => gone.Sum(job => session.Connection["DELETE FROM job_log WHERE job_id = $job"].Run(job)), cancellationToken);
        return (removed, end is null);
    }

    private async Task<(int Removed, bool IsOver)> RemoveKeysAsync(long now, CancellationToken cancellationToken)
    {
        var from = _key;
        var (past, end) = await readers.ReadAsync(
            connection =>
            {
                using var rows = connection[
                    "SELECT unique_key, expires_at <= $now FROM unique_jobs WHERE unique_key > $from ORDER BY unique_key LIMIT $looks"].Rows(now, from, LooksPerStep);
                return Walk(rows);
            },
            cancellationToken);
        _key = end ?? "";
        var removed = past.Count == 0 ? 0 : await WriteAsync(
            session => past.Sum(key => session.Connection["DELETE FROM unique_jobs WHERE unique_key = $key AND expires_at <= $now"].Run(key, now)),
            cancellationToken);
        return (removed, end is null);
    }

    private async Task<(int Removed, bool IsOver)> RemoveLimitsAsync(long now, CancellationToken cancellationToken)
    {
        var from = _key;
        var (past, end) = await readers.ReadAsync(
            connection =>
            {
                using var rows = connection[
                    """
                    SELECT limit_key, running = 0 AND starts_until <= $now AND free_at IS NULL FROM job_limits
                    WHERE limit_key > $from ORDER BY limit_key LIMIT $looks
                    """].Rows(now, from, LooksPerStep);
                return Walk(rows);
            },
            cancellationToken);
        _key = end ?? "";
        var removed = past.Count == 0 ? 0 : await WriteAsync(
            session => past.Sum(key => session.Connection[
                "DELETE FROM job_limits WHERE limit_key = $key AND running = 0 AND starts_until <= $now AND free_at IS NULL"].Run(key, now)),
            cancellationToken);
        return (removed, end is null);
    }

    /// <summary>The keys that are over on this stretch, and where it ends; null at the end of all.</summary>
    private static (List<string> Past, string? End) Walk(SqliteDataReader rows)
    {
        var past = new List<string>();
        for (var looked = 1; rows.Read(); looked++)
        {
            if (!rows.IsDBNull(1) && rows.GetBoolean(1))
                past.Add(rows.GetString(0));
            if (looked == LooksPerStep || past.Count == RowsPerStep)
                return (past, rows.GetString(0));
        }

        return (past, null);
    }

    private Task<int> WriteAsync(Func<WriteSession, int> work, CancellationToken cancellationToken) =>
        writer.RunAsync(work, SpaceNeed.Little, cancellationToken, RowsPerStep);
}
