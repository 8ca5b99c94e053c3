using Databus.Jobs;

namespace Databus.AspNetCore.Jobs;

/// <summary>What may be said about a queue. What is left out keeps its value; 0 is no limit.</summary>
internal sealed record QueueBody(bool? Paused, int? MaxRunning, int? MaxStarts, double? PerSeconds);

/// <summary>A queue as an operator sees it.</summary>
/// <param name="EndedLastMinute">Jobs, whatever their end.</param>
/// <param name="MeanWaitSeconds">Of those: from due to their last start.</param>
/// <param name="Limit">Null: there is none.</param>
internal sealed record QueueAnswer(
    string Name, bool Paused, QueueCountsAnswer Counts, DateTimeOffset? OldestDueAt, long EndedLastMinute, double? MeanWaitSeconds, QueueLimitAnswer? Limit)
{
    public static QueueAnswer Of(QueueStatus queue) => new(
        queue.Name,
        queue.IsPaused,
        new QueueCountsAnswer(Of(queue, JobState.Waiting), Of(queue, JobState.Delayed), Of(queue, JobState.Held), Of(queue, JobState.Blocked), Of(queue, JobState.Running)),
        queue.OldestDueAt,
        queue.EndedLastMinute,
        queue.MeanWait?.TotalSeconds,
        queue.Limit is { } limit ? new QueueLimitAnswer(limit.MaxRunning, limit.MaxStarts, limit.MaxStarts > 0 ? limit.Per.TotalSeconds : null) : null);

    private static long Of(QueueStatus queue, JobState state) => queue.Counts.GetValueOrDefault(state);
}

internal sealed record QueueCountsAnswer(long Waiting, long Delayed, long Held, long Blocked, long Running);

/// <summary>What its jobs may do together; 0 is no limit.</summary>
internal sealed record QueueLimitAnswer(int MaxRunning, int MaxStarts, double? PerSeconds);

internal sealed record QueuesAnswer(IEnumerable<QueueAnswer> Queues);
