using Databus.Storage;

namespace Databus.Jobs;

/// <summary>What stores rely on.</summary>
internal static class NewJobRules
{
    private const int MostAttempts = 1000;
    private const int LongestKey = 500;
    private static readonly TimeSpan ShortestPer = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPer = TimeSpan.FromDays(1);

    /// <summary>Beyond it times cannot be added up any more.</summary>
    private static readonly TimeSpan LongestTime = TimeSpan.FromDays(36525);

    /// <summary>What is out of range, as a sentence; null: nothing.</summary>
    public static string? Problem(NewJob job) => job switch
    {
        _ when !ResourceName.IsValid(job.Name) => $"\"{job.Name}\" is no valid name of a job.",
        _ when !ResourceName.IsValid(job.Queue) => $"\"{job.Queue}\" is no valid name of a queue.",
        _ when !Enum.IsDefined(job.Priority) => "The priority is none of low, normal and high.",
        { MaxAttempts: < 1 or > MostAttempts } => $"The number of attempts is not from 1 to {MostAttempts}.",
        _ when job.Delay > LongestTime => "The delay is longer than a hundred years.",
        _ when IsOut(job.ExpiresAfter) => "The time to expire is not from above 0 to a hundred years.",
        _ when IsOut(job.UniqueFor) => "The time for which the key is unique is not from above 0 to a hundred years.",
        _ when job.KeepFor < TimeSpan.Zero || job.KeepFor > LongestTime => "The time to keep it is not from 0 to a hundred years.",
        { UniqueKey: { Length: 0 or > LongestKey } } => $"The unique key, its job's name and a colon included, has not 1 to {LongestKey} characters.",
        { Limit: { } limit } => Problem(limit),
        _ => null,
    };

    /// <inheritdoc cref="Problem(NewJob)"/>
    public static string? Problem(JobLimit limit) => limit switch
    {
        { Key.Length: 0 or > LongestKey } => $"The key of the limit has not 1 to {LongestKey} characters.",
        { MaxRunning: < 0 } or { MaxStarts: < 0 } => "The limit is below 0.",
        { MaxStarts: > 0 } when limit.Per < ShortestPer || limit.Per > LongestPer => "The limit's time is not from 1 second to 1 day.",
        _ => null,
    };

    private static bool IsOut(TimeSpan? time) => time is { } given && (given <= TimeSpan.Zero || given > LongestTime);
}
