using Databus.Jobs;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>What has to be known of a job that has not ended in order to end it, or to let it wait again.</summary>
internal sealed record LiveJob(
    long Id, string Queue, JobState State, int Attempt, int MaxAttempts, int Losses, long Fence, long DueAt, long? StartedAt, string? Owner,
    long? LeaseUntil, string? UniqueKey, string? LimitKey, bool HasFollowers, bool IsCancelRequested)
{
    public const string Columns =
        """
        job_id, queue, state, attempt, max_attempts, lost, fence, due_at, started_at, owner, lease_until, unique_key, limit_key, has_followers, cancel_requested
        """;

    /// <summary>Those of these ids that have not ended, by id.</summary>
    public static Dictionary<long, LiveJob> Find(Connection connection, IEnumerable<long> ids)
    {
        using var rows = connection[
            $"SELECT {Columns} FROM json_each($ids) AS wanted CROSS JOIN jobs ON job_id = wanted.value"].Rows(IdList.Of(ids));
        var found = new Dictionary<long, LiveJob>();
        while (rows.Read())
            found[rows.GetInt64(0)] = Read(rows);
        return found;
    }

    public static List<LiveJob> ReadAll(SqliteDataReader rows)
    {
        var jobs = new List<LiveJob>();
        while (rows.Read())
            jobs.Add(Read(rows));
        return jobs;
    }

    /// <summary>A lease of its own that has ended is over, also before somebody takes the job away.</summary>
    public bool IsHeldBy(long fence, long now) => State == JobState.Running && Fence == fence && !(LeaseUntil <= now);

    private static LiveJob Read(SqliteDataReader rows) => new(
        rows.GetInt64(0), rows.GetString(1), (JobState)rows.GetInt32(2), rows.GetInt32(3), rows.GetInt32(4), rows.GetInt32(5), rows.GetInt64(6),
        rows.GetInt64(7),
        rows.IsDBNull(8) ? null : rows.GetInt64(8),
        rows.IsDBNull(9) ? null : rows.GetString(9),
        rows.IsDBNull(10) ? null : rows.GetInt64(10),
        rows.IsDBNull(11) ? null : rows.GetString(11),
        rows.IsDBNull(12) ? null : rows.GetString(12),
        rows.GetBoolean(13),
        rows.GetBoolean(14));
}
