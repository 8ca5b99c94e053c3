using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Jobs;
using Databus.Sources;
using Databus.Storage;
using Databus.Topics;

namespace Databus.AspNetCore.Jobs;

/// <summary>
/// Reads which jobs a request is about. Where it names neither a queue nor jobs, polls of sources are not among them: there is one
/// every few seconds, and nobody who looks at jobs, or retries what failed, means them.
/// </summary>
internal static class JobFilters
{
    private const int MaxIds = 10_000;
    private const int MaxSearchLength = 200;

    /// <summary>Null: something in the body is wrong.</summary>
    /// <param name="at">What stands before the names of the members in the answer.</param>
    public static JobFilter? Read(JobFilterBody body, string at, out Problem? problem)
    {
        List<long>? ids = null;
        List<JobState>? states = null;
        problem = Judge(body, at) ?? ReadIds(body.Ids, at, out ids) ?? ReadStates(body.States, at, out states);
        return problem is not null ? null : new JobFilter
        {
            Ids = ids,
            States = states,
            Queue = body.Queue,
            NotQueue = body.Queue is null && body.Name is null && ids is null ? PollSource.Queue : null,
            Name = body.Name,
            Contains = string.IsNullOrEmpty(body.Q) ? null : body.Q,
            EnqueuedAfter = body.EnqueuedAfter,
            EnqueuedBefore = body.EnqueuedBefore,
            OlderThan = body.OlderThanSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        };
    }

    private static Problem? Judge(JobFilterBody body, string at)
    {
        if (body.Queue is not null && !ResourceName.IsValid(body.Queue))
            return Names.Invalid("queue", body.Queue) with { Field = at + "queue" };
        if (body.Name is not null && !ResourceName.IsValid(body.Name))
            return Names.Invalid("job", body.Name) with { Field = at + "name" };
        if (body.Q?.Any(char.IsControl) == true)
            return Problem.Invalid(at + "q", "q has no control characters: in JSON they are escaped.");
        return Ranges.Judge(at + "q", body.Q, MaxSearchLength)
            ?? Ranges.Judge(at + "ids", body.Ids, MaxIds)
            ?? Ranges.Judge(at + "olderThanSeconds", body.OlderThanSeconds, 0, TopicSettings.LongestTime.TotalSeconds);
    }

    private static Problem? ReadIds(string[]? texts, string at, out List<long>? ids)
    {
        ids = texts is null ? null : new List<long>(texts.Length);
        foreach (var text in texts ?? [])
        {
            if (!ItemRoutes.TryReadId(text, out var id))
                return Problem.Invalid(at + "ids", "ids is a list of ids, each a string with a whole number.");
            ids!.Add(id);
        }

        return null;
    }

    private static Problem? ReadStates(string[]? words, string at, out List<JobState>? states)
    {
        states = words is null ? null : new List<JobState>(words.Length);
        foreach (var word in words ?? [])
        {
            if (!JobWords.TryRead(word, out JobState state))
                return Problem.Invalid(at + (at.Length == 0 ? "state" : "states"), $"The states are: {JobWords.StateWords}.");
            if (!states!.Contains(state))
                states.Add(state);
        }

        return null;
    }
}
