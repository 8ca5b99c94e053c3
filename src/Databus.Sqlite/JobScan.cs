using Databus.Jobs;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>Which jobs match a filter, the newest first, looking at a bounded number of them. Their content is read only where it is asked for.</summary>
internal static class JobScan
{
    public static readonly JobState[] LiveStates = [JobState.Waiting, JobState.Delayed, JobState.Held, JobState.Blocked, JobState.Running];
    public static readonly JobState[] AllStates = Enum.GetValues<JobState>();

    private const int MostBytes = 8 << 20;

    private const string Live =
        """
        SELECT job_id, state, queue, name, enqueued_at, NULL AS ended_at, length(arguments) AS bytes,
            $contains IS NULL OR instr(lower(CAST(arguments AS TEXT)), lower($contains)) > 0 AS contains
        """;

    private const string Ended =
        """
        SELECT job_id, state, queue, name, enqueued_at, ended_at, length(arguments) + coalesce(length(result), 0) AS bytes,
            $contains IS NULL OR instr(lower(CAST(arguments AS TEXT)), lower($contains)) > 0 AS contains
        """;

    private const string LiveBelow = $"{Live} FROM jobs WHERE job_id < $before";
    private const string EndedBelow = $"{Ended} FROM ended_jobs WHERE job_id < $before";
    private const string LiveOfIds = $"{Live} FROM json_each($ids) AS wanted CROSS JOIN jobs ON job_id = wanted.value WHERE job_id < $before";
    private const string EndedOfIds = $"{Ended} FROM json_each($ids) AS wanted CROSS JOIN ended_jobs ON job_id = wanted.value WHERE job_id < $before";
    private const string NewestFirst = "ORDER BY job_id DESC LIMIT $looked";

    // Both tables are read side by side in the order of their ids: nothing is sorted, and no more is read than is looked at.
    private const string OfLive = $"{LiveBelow} {NewestFirst}";
    private const string OfEnded = $"{EndedBelow} {NewestFirst}";
    private const string OfBoth = $"{LiveBelow} UNION ALL {EndedBelow} {NewestFirst}";
    private const string OfIds = $"{LiveOfIds} UNION ALL {EndedOfIds} {NewestFirst}";

    /// <summary>Looks once, from an id (null: the newest) down.</summary>
    /// <param name="states">Only these, whatever others the filter allows.</param>
    /// <returns>At most <paramref name="limit"/> ids, and below which id the next look goes; null: that was all.</returns>
    public static (IReadOnlyList<long> Ids, long? ScannedTo) Run(
        Connection connection, JobFilter filter, IReadOnlyList<JobState> states, long? before, int limit, long now)
    {
        var wanted = states.Where(state => filter.States?.Contains(state) != false).ToHashSet();
        if (wanted.Count == 0 || limit < 1)
            return ([], null);
        using var rows = filter.Ids is not null
            ? connection[OfIds].Rows(filter.Contains, IdList.Of(filter.Ids), before ?? long.MaxValue, JobPage.MostLookedAt)
            : connection[wanted.All(state => !state.IsEnd()) ? OfLive : wanted.All(state => state.IsEnd()) ? OfEnded : OfBoth].Rows(
                filter.Contains, before ?? long.MaxValue, JobPage.MostLookedAt);

        var ids = new List<long>();
        var bytes = 0L;
        var looked = 0;
        long? last = null;
        while (rows.Read())
        {
            if (ids.Count == limit)
                return (ids, last);
            looked++;
            if (Matches(rows, filter, wanted, now))
            {
                bytes += rows.GetInt64(6);
                if (bytes > MostBytes && ids.Count > 0)
                    return (ids, last);
                ids.Add(rows.GetInt64(0));
            }

            last = rows.GetInt64(0);
        }

        return (ids, looked == JobPage.MostLookedAt ? last : null);
    }

    private static bool Matches(SqliteDataReader rows, JobFilter filter, HashSet<JobState> states, long now) =>
        states.Contains((JobState)rows.GetInt32(1))
        && (filter.Queue is null || rows.GetString(2) == filter.Queue)
        && (filter.NotQueue is null || rows.GetString(2) != filter.NotQueue)
        && (filter.Name is null || rows.GetString(3) == filter.Name)
        && !(rows.GetInt64(4) < filter.EnqueuedAfter?.ToColumn())
        && !(rows.GetInt64(4) >= filter.EnqueuedBefore?.ToColumn())
        && !((rows.IsDBNull(5) ? now : rows.GetInt64(5)) - rows.GetInt64(4) <= filter.OlderThan?.ToColumn())
        && rows.GetBoolean(7);
}
