namespace Databus.Server.CommandLine.Wire;

internal sealed record Queue(
    string Name,
    bool Paused,
    QueueCounts Counts,
    DateTimeOffset? OldestDueAt,
    long EndedLastMinute,
    double? MeanWaitSeconds,
    QueueLimit? Limit);

internal sealed record QueueCounts(long Waiting, long Delayed, long Held, long Blocked, long Running);

internal sealed record QueueLimit(int MaxRunning, int MaxStarts, double? PerSeconds);

internal sealed record QueueList
{
    public required IReadOnlyList<Queue> Queues { get; init; }
}
