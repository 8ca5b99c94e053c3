using Databus.Jobs;
using Npgsql;

namespace Databus.Postgres;

/// <summary>A job that has not ended, as far as decisions about it need to know it.</summary>
internal sealed record LiveJob(
    long Id, string Queue, short Priority, JobState State, int Attempt, int MaxAttempts, int Lost, long Fence, long? ExpiresAt, string? Owner, long? LeaseUntil,
    string? UniqueKey, JobLimit? Limit, bool HasFollowers, bool IsCancelRequested, bool IsQueueCounted, string? Error)
{
    /// <summary>What <see cref="Read"/> reads, of a table or subquery <c>j</c>.</summary>
    public const string Columns =
        """
        j.job_id, j.queue, j.priority, j.state, j.attempt, j.max_attempts, j.lost, j.fence, j.expires_at, j.owner, j.lease_until,
        j.unique_key, j.limit_key, j.limit_running, j.limit_starts, j.limit_per, j.has_followers, j.cancel_requested, j.queue_counted, j.error
        """;

    /// <summary>More may follow from its end than what happens to itself.</summary>
    public bool IsCounted => IsQueueCounted || Limit is { MaxRunning: > 0 };

    public static LiveJob Read(NpgsqlDataReader rows) => new(
        rows.GetInt64(0),
        rows.GetString(1),
        rows.GetInt16(2),
        (JobState)rows.GetInt16(3),
        rows.GetInt32(4),
        rows.GetInt32(5),
        rows.GetInt32(6),
        rows.GetInt64(7),
        rows.Number(8),
        rows.Text(9),
        rows.Number(10),
        rows.Text(11),
        rows.IsDBNull(12) ? null : new JobLimit(rows.GetString(12), rows.GetInt32(13), rows.GetInt32(14), TimeSpan.FromMilliseconds(rows.GetInt64(15))),
        rows.GetBoolean(16),
        rows.GetBoolean(17),
        rows.GetBoolean(18),
        rows.Text(19));
}
