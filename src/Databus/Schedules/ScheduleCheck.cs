using System.Text.Json;
using Databus.Jobs;
using Databus.Storage;

namespace Databus.Schedules;

/// <summary>What a schedule may be.</summary>
public static class ScheduleCheck
{
    public const int MostCatchUp = 1000;
    public static readonly TimeSpan LongestJitter = TimeSpan.FromDays(1);

    /// <summary>The first thing that is wrong; null: nothing is.</summary>
    public static ScheduleMistake? FindMistake(ScheduleSettings settings)
    {
        if (!ResourceName.IsValid(settings.Name))
            return new ScheduleMistake(
                "name", $"A schedule's name has 1 to {ResourceName.MaxLength} letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.");
        if (!Timetable.TryRead(settings.Rule, out _, out var mistake))
            return mistake;
        if (!Enum.IsDefined(settings.CatchUp))
            return new ScheduleMistake("catchUp", "What is made up for is none, latest or all.");
        if (settings.CatchUpLimit is < 1 or > MostCatchUp)
            return new ScheduleMistake("catchUpLimit", $"At most 1 to {MostCatchUp} missed ticks are made up for.");
        if (!Enum.IsDefined(settings.Overlap))
            return new ScheduleMistake("overlap", "On an overlap the schedule may skip, queue, cancelOld or allow.");
        if (settings.Jitter < TimeSpan.Zero || settings.Jitter > LongestJitter || settings.Jitter.Ticks % TimeSpan.TicksPerMillisecond != 0)
            return new ScheduleMistake("jitterSeconds", "The jitter is 0 to 1 day, in whole milliseconds.");
        return FindMistakeInJob(settings.Job);
    }

    private static ScheduleMistake? FindMistakeInJob(NewJob job)
    {
        if (!IsJson(job.Arguments))
            return new ScheduleMistake("job.arguments", "The arguments of a job are one JSON value.");
        if (job.DueAt is not null || job.Delay != TimeSpan.Zero)
            return new ScheduleMistake("job.dueAt", "When the job is due is the schedule's business.");
        if (job.UniqueKey is not null || job.UniqueFor is not null)
            return new ScheduleMistake("job.uniqueKey", "A job of a schedule has no unique key: what happens when two of them meet is the schedule's overlap.");
        if (job.After.Count > 0)
            return new ScheduleMistake("job.after", "A job of a schedule comes after its tick only.");
        return NewJobRules.Problem(job) is { } problem ? new ScheduleMistake("job", problem) : null;
    }

    private static bool IsJson(byte[] arguments)
    {
        try
        {
            var reader = new Utf8JsonReader(arguments);
            return JsonElement.TryParseValue(ref reader, out _) && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
