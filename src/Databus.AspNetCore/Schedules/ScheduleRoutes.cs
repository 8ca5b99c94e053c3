using Databus.AspNetCore.Jobs;
using Databus.AspNetCore.Problems;
using Databus.Jobs;
using Databus.Schedules;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Schedules;

/// <summary>Schedules: their rules, what they enqueue, and when they tick next.</summary>
internal sealed class ScheduleRoutes(ScheduleClient schedules, JobClient jobs, NewJobReader reader, IOptions<DatabusHttpOptions> options)
{
    private const int DefaultPreview = 10;

    public async Task<IResult> ListAsync(CancellationToken cancellationToken) => new ScheduleAnswers.All(await schedules.ListAsync(cancellationToken));

    public async Task<IResult> GetAsync(string schedule, CancellationToken cancellationToken) =>
        await schedules.FindAsync(schedule, cancellationToken) is { } status
            ? new ScheduleAnswers.One(status, StatusCodes.Status200OK)
            : Problem.NotFound("schedule", schedule);

    public async Task<IResult> PutAsync(HttpContext context, string schedule)
    {
        if (!ResourceName.IsValid(schedule))
            return Names.Invalid("schedule", schedule);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.ScheduleBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        var before = (await schedules.FindAsync(schedule, context.RequestAborted))?.Settings;
        if (Read(schedule, body, before, out problem) is not { } settings)
            return problem!;

        var result = await schedules.PutAsync(settings, CancellationToken.None);
        if (result.Mistake is { } mistake)
            return Refused(mistake);
        return await schedules.FindAsync(schedule, CancellationToken.None) is { } status
            ? new ScheduleAnswers.One(status, result.IsCreated ? StatusCodes.Status201Created : StatusCodes.Status200OK)
            : Problem.NotFound("schedule", schedule);
    }

    public async Task<IResult> DeleteAsync(string schedule, CancellationToken cancellationToken) =>
        await schedules.DeleteAsync(schedule, cancellationToken) ? Results.NoContent() : Problem.NotFound("schedule", schedule);

    public async Task<IResult> RunAsync(string schedule)
    {
        if (await schedules.RunNowAsync(schedule, CancellationToken.None) is not { } id)
            return Problem.NotFound("schedule", schedule);

        // One that is kept no longer than it runs may be gone already.
        return await jobs.FindAsync(id, CancellationToken.None) is { } job
            ? new JobJson.Result(job, StatusCodes.Status202Accepted)
            : Results.Accepted($"/api/v1/jobs/{id}");
    }

    public async Task<IResult> PreviewAsync(HttpContext context, string schedule)
    {
        var query = new QueryReader(context.Request.Query);
        var count = query.Whole("count");
        if ((query.Problem ?? JudgeCount(count)) is { } refusal)
            return refusal;
        return await schedules.FindAsync(schedule, context.RequestAborted) is { } status
            ? Preview(status.Settings.Rule, count)
            : Problem.NotFound("schedule", schedule);
    }

    /// <summary>Of a rule that no schedule has yet.</summary>
    public async Task<IResult> TryAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.PreviewBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (JudgeCount(body.Count) is { } refusal)
            return refusal;
        return ReadRule(body.EverySeconds, body.Cron, body.Zone, before: null, out problem) is { } rule ? Preview(rule, body.Count) : problem!;
    }

    private IResult Preview(ScheduleRule rule, int? count)
    {
        var (ticks, mistake) = schedules.Preview(rule, count ?? DefaultPreview);
        return mistake is null ? Results.Json(new PreviewAnswer(ticks!), WireContext.Default.PreviewAnswer) : Refused(mistake);
    }

    private static Problem? JudgeCount(int? count) => Ranges.Judge("count", count, 1, ScheduleClient.MostTicks);

    private static Problem Refused(ScheduleMistake mistake) => Problem.Invalid(
        mistake.Field switch
        {
            "rule" or "every" => "everySeconds",
            "jitter" => "jitterSeconds",
            var field => field,
        },
        mistake.Sentence);

    /// <summary>Null: something in the body is wrong.</summary>
    private ScheduleSettings? Read(string name, ScheduleBody body, ScheduleSettings? before, out Problem? problem)
    {
        problem = Ranges.Judge("catchUpLimit", body.CatchUpLimit, 1, ScheduleCheck.MostCatchUp)
            ?? Ranges.Judge("jitterSeconds", body.JitterSeconds, 0, ScheduleCheck.LongestJitter.TotalSeconds);
        if (problem is not null || ReadRule(body.EverySeconds, body.Cron, body.Zone, before?.Rule, out problem) is not { } rule)
            return null;
        if (body.CatchUp is not null && ScheduleWords.ReadCatchUp(body.CatchUp) is null)
            problem = Problem.Invalid("catchUp", $"What is done about missed ticks is one of: {ScheduleWords.CatchUps}.");
        else if (body.Overlap is not null && ScheduleWords.ReadOverlap(body.Overlap) is null)
            problem = Problem.Invalid("overlap", $"What is done about overlaps is one of: {ScheduleWords.Overlaps}.");
        else if (body.Job is null && before is null)
            problem = Problem.Invalid("job", "job is needed: what to enqueue, for example {\"name\":\"clean-up\"}.");
        var job = before?.Job;
        if (problem is null && body.Job is not null)
            job = reader.Read(body.Job.ToNewJob(), "job.", place: 0, out problem);
        if (problem is not null)
            return null;

        // What would make a job of this kind unique does not count here: there is the overlap.
        var settings = new ScheduleSettings(name, rule, job! with { UniqueKey = null, UniqueFor = null });
        return settings with
        {
            CatchUp = ScheduleWords.ReadCatchUp(body.CatchUp ?? "") ?? before?.CatchUp ?? settings.CatchUp,
            CatchUpLimit = body.CatchUpLimit ?? before?.CatchUpLimit ?? settings.CatchUpLimit,
            Overlap = ScheduleWords.ReadOverlap(body.Overlap ?? "") ?? before?.Overlap ?? settings.Overlap,
            Jitter = body.JitterSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : before?.Jitter ?? settings.Jitter,
            IsPaused = body.Paused ?? before?.IsPaused ?? settings.IsPaused,
        };
    }

    /// <summary>Null: it cannot be. Whether the rule makes sense is not judged here.</summary>
    private static ScheduleRule? ReadRule(double? everySeconds, string? cron, string? zone, ScheduleRule? before, out Problem? problem)
    {
        problem = Ranges.Judge("everySeconds", everySeconds, Timetable.ShortestInterval.TotalSeconds, Timetable.LongestInterval.TotalSeconds);
        if (everySeconds is null && cron is null && before is null)
            problem = Problem.Invalid("everySeconds", "A schedule has either everySeconds or cron.");
        else if (everySeconds is not null && cron is not null)
            problem = Problem.Invalid("cron", "A schedule has either everySeconds or cron, not both.");
        if (problem is not null)
            return null;
        var isNew = everySeconds is not null || cron is not null;
        return new ScheduleRule(
            isNew ? (everySeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null) : before!.Every,
            isNew ? cron : before!.Cron,
            zone ?? (everySeconds is null ? before?.Zone : null) ?? "UTC");
    }
}
