using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Jobs;
using Databus.Storage;
using Databus.Topics;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Jobs;

/// <summary>
/// Reads what a request says about a job to be enqueued. What it leaves out is as the job's kind says, where this process
/// knows it; a name that is not known here is taken as well.
/// </summary>
internal sealed class NewJobReader(JobClient jobs, IOptions<DatabusHttpOptions> options)
{
    private const int MostAttempts = 1000;
    private const int MaxKeyLength = 300;
    private const int MaxPredecessors = 1000;
    private static readonly double LongestSeconds = TopicSettings.LongestTime.TotalSeconds;

    /// <summary>Null: something in the body is wrong.</summary>
    /// <param name="at">What stands before the names of the members in the answer.</param>
    /// <param name="place">The job's place among those of the same request.</param>
    public NewJob? Read(NewJobBody body, string at, int place, out Problem? problem)
    {
        problem = Judge(body, at, place);
        if (problem is not null)
            return null;
        var arguments = RawJson.Read(body.Arguments, at + "arguments", options.Value.MaxItemBytes, out problem);
        return problem is null ? Describe(body, arguments ?? RawJson.EmptyObject, at + "arguments", out problem) : null;
    }

    /// <summary>All but the arguments.</summary>
    public static Problem? Judge(NewJobBody body, string at, int place) =>
        JudgeNames(body, at) ?? JudgeNumbers(body, at) ?? JudgeKeys(body, at) ?? JudgeAfter(body.After, at, place);

    /// <summary>The job of a body that was judged. Null: the arguments do not fit it.</summary>
    /// <param name="field">What to call the arguments in the answer.</param>
    public NewJob? Describe(NewJobBody body, byte[] arguments, string field, out Problem? problem)
    {
        problem = null;
        try
        {
            return jobs.Describe(body.Name!, arguments, OptionsOf(body)) with { After = [.. (body.After ?? []).Select(Reference)] };
        }
        catch (JsonException error)
        {
            var path = error.Path is { Length: > 1 } where ? $" at {Json.JsonError.Quoted(where)}" : "";
            problem = Problem.Invalid(field, $"The arguments do not fit the job {body.Name}{path}.");
        }
        catch (Exception)
        {
            // A key or limit that is made of them: its maker did not expect these.
            problem = Problem.Invalid(field, $"The arguments do not fit the job {body.Name}.");
        }

        return null;
    }

    private static EnqueueOptions OptionsOf(NewJobBody body) => new()
    {
        Queue = body.Queue,
        Priority = JobWords.TryRead(body.Priority, out JobPriority priority) ? priority : null,
        MaxAttempts = body.MaxAttempts,
        DueAt = body.DueAt,
        Delay = Span(body.DelaySeconds) ?? TimeSpan.Zero,
        ExpiresAfter = Span(body.ExpiresSeconds),
        UniqueKey = body.UniqueKey,
        UniqueFor = Span(body.UniqueSeconds),
        Limit = body.LimitKey is { } limit ? JobLimits.Of(limit, body.MaxRunning, body.MaxStarts, body.PerSeconds) : null,
        KeepFor = Span(body.KeepSeconds),
        AfterAnyEnd = body.AfterAnyEnd ?? false,
    };

    private static Problem? JudgeNames(NewJobBody body, string at)
    {
        if (body.Name is null)
            return Problem.Invalid(at + "name", "name is needed: the job's.");
        if (!ResourceName.IsValid(body.Name))
            return Names.Invalid("job", body.Name) with { Field = at + "name" };
        if (body.Queue is not null && !ResourceName.IsValid(body.Queue))
            return Names.Invalid("queue", body.Queue) with { Field = at + "queue" };
        return body.Priority is null || JobWords.TryRead(body.Priority, out JobPriority _)
            ? null
            : Problem.Invalid(at + "priority", $"The priorities are: {JobWords.PriorityWords}.");
    }

    private static Problem? JudgeNumbers(NewJobBody body, string at) =>
        Ranges.Judge(at + "maxAttempts", body.MaxAttempts, 1, MostAttempts)
        ?? Ranges.Judge(at + "delaySeconds", body.DelaySeconds, 0, LongestSeconds)
        ?? Ranges.Judge(at + "expiresSeconds", body.ExpiresSeconds, 1, LongestSeconds)
        ?? Ranges.Judge(at + "uniqueSeconds", body.UniqueSeconds, 1, LongestSeconds)
        ?? Ranges.Judge(at + "keepSeconds", body.KeepSeconds, 0, LongestSeconds)
        ?? JobLimits.Judge(at, body.MaxRunning, body.MaxStarts, body.PerSeconds);

    private static Problem? JudgeKeys(NewJobBody body, string at)
    {
        if (body.UniqueKey is "" || (body.UniqueKey is null && body.UniqueSeconds is not null))
            return Problem.Invalid(at + "uniqueKey", "uniqueKey is a text that no two jobs of a name have at a time; uniqueSeconds goes with it.");
        if (body.LimitKey is "" || (body.LimitKey is null && (body.MaxRunning ?? body.MaxStarts) is not null))
            return Problem.Invalid(at + "limitKey", "limitKey is needed with maxRunning and maxStarts: jobs that have the same one share the limit.");
        if (body is { LimitKey: not null, MaxRunning: null or 0, MaxStarts: null or 0 })
            return Problem.Invalid(at + "maxRunning", "With limitKey goes maxRunning, or maxStarts and perSeconds.");
        return Ranges.Judge(at + "uniqueKey", body.UniqueKey, MaxKeyLength) ?? Ranges.Judge(at + "limitKey", body.LimitKey, MaxKeyLength);
    }

    private static Problem? JudgeAfter(string[]? texts, string at, int place)
    {
        foreach (var text in texts ?? [])
        {
            if (!ItemRoutes.TryReadId(text, out _) && !(TryReadPlace(text, out var index) && index < place))
                return Problem.Invalid(at + "after", "after is a list of ids, or of #0, #1 … for jobs that stand before this one in the same request.");
        }

        return Ranges.Judge(at + "after", texts, MaxPredecessors);
    }

    private static JobReference Reference(string text) =>
        TryReadPlace(text, out var index) ? JobReference.ByIndex(index) : JobReference.ById(ItemRoutes.TryReadId(text, out var id) ? id : 0);

    private static bool TryReadPlace(string? text, out int index)
    {
        index = 0;
        return text is ['#', .. var digits] && ItemRoutes.TryReadId(digits, out var place) && (index = (int)Math.Min(place, int.MaxValue)) == place;
    }

    private static TimeSpan? Span(double? seconds) => seconds is { } given ? TimeSpan.FromSeconds(given) : null;
}
