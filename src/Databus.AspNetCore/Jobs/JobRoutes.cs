using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Jobs;
using Databus.Storage;
using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore.Jobs;

/// <summary>Looks at jobs, and does to one of them what a person wishes.</summary>
internal sealed class JobRoutes(IStore store, JobClient jobs, WaitingRequests waiting)
{
    private const int MaxPerPage = 500;
    private const int LogLines = 1000;
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    public async Task<IResult> ListAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query);
        var body = new JobFilterBody(
            Ids: null, query.List("state"), query.Text("queue"), query.Text("name"), query.Text("q"), query.Time("enqueuedAfter"), query.Time("enqueuedBefore"),
            query.Number("olderThanSeconds"));
        var (before, limit) = (query.Id("before"), query.Whole("limit"));
        var filter = JobFilters.Read(body, at: "", out var problem);
        if ((query.Problem ?? problem ?? Ranges.Judge("limit", limit, 1, MaxPerPage)) is { } refusal)
            return refusal;
        return new JobJson.Page(await store.Jobs.ListAsync(filter!, before, limit ?? 100, context.RequestAborted));
    }

    /// <summary>With <c>wait</c> the answer comes when the job has ended, or the time is over.</summary>
    public async Task<IResult> GetAsync(HttpContext context, string id)
    {
        if (!ItemRoutes.TryReadId(id, out var number))
            return Problem.NotFound("job", id);
        var query = new QueryReader(context.Request.Query);
        var wait = query.Number("wait");
        if ((query.Problem ?? Ranges.Judge("wait", wait, 0, LongestWait.TotalSeconds)) is { } refusal)
            return refusal;

        var job = await store.Jobs.FindAsync(number, context.RequestAborted);
        if (wait is not > 0 || job is null || job.State.IsEnd())
            return await AnswerAsync(number, job);
        return await waiting.RunAsync(
            context,
            async stop => await AnswerAsync(number, await jobs.WaitAsync(number, TimeSpan.FromSeconds(wait.Value), stop)),
            stopped: async () => await AnswerAsync(number, await store.Jobs.FindAsync(number, CancellationToken.None)));
    }

    public async Task<IResult> ReadLogAsync(string id, CancellationToken cancellationToken)
    {
        if (!ItemRoutes.TryReadId(id, out var number) || await store.Jobs.FindAsync(number, cancellationToken) is null)
            return await MissingAsync(id);
        var lines = await store.Jobs.ReadLogAsync(number, LogLines, cancellationToken);
        return Results.Json(new JobLogAnswer(lines.Select(JobLogLineAnswer.Of)), WireContext.Default.JobLogAnswer);
    }

    public Task<IResult> CancelAsync(string id) => ChangeAsync(
        id,
        store.Jobs.CancelAsync,
        job => job.State.IsEnd() ? new Problem(409, "ended", "Job has ended", $"The job {id} has ended: it is {job.State.Word()}.") : null);

    public Task<IResult> RetryAsync(string id) => ChangeAsync(
        id,
        store.Jobs.RetryAsync,
        job => job.State switch
        {
            JobState.Succeeded => new Problem(409, "succeeded", "Job has succeeded", $"The job {id} has succeeded; enqueue it anew to run it again."),
            var state when !state.IsEnd() => new Problem(409, "not-ended", "Job has not ended", $"The job {id} has not ended: it is {state.Word()}."),
            _ => null,
        });

    public async Task<IResult> DeleteAsync(string id)
    {
        if (!ItemRoutes.TryReadId(id, out var number))
            return Problem.NotFound("job", id);
        if (await ChangeOneAsync(store.Jobs.DeleteAsync, number))
            return Results.NoContent();
        return await store.Jobs.FindAsync(number, CancellationToken.None) is null
            ? await MissingAsync(id)
            : new Problem(409, "running", "Job runs", $"The job {id} runs. Cancel it first.");
    }

    /// <summary>Answers with the job as it is then.</summary>
    /// <param name="refuse">Why nothing was done to a job in this state; null: there was nothing left to do.</param>
    private async Task<IResult> ChangeAsync(
        string id, Func<JobFilter, long?, CancellationToken, Task<JobStep>> change, Func<JobStatus, Problem?> refuse)
    {
        if (!ItemRoutes.TryReadId(id, out var number))
            return Problem.NotFound("job", id);
        var isChanged = await ChangeOneAsync(change, number);
        if (await store.Jobs.FindAsync(number, CancellationToken.None) is not { } job)
            return await MissingAsync(id);
        return (isChanged ? null : refuse(job)) as IResult ?? new JobJson.Result(job, StatusCodes.Status202Accepted);
    }

    /// <summary>Not to be cancelled by the request: whoever wished it may be gone when it is done.</summary>
    private static async Task<bool> ChangeOneAsync(Func<JobFilter, long?, CancellationToken, Task<JobStep>> change, long id) =>
        id < long.MaxValue && (await change(new JobFilter { Ids = [id] }, id + 1, CancellationToken.None)).Changed > 0;

    private async Task<IResult> AnswerAsync(long id, JobStatus? job) => job switch
    {
        null => await MissingAsync(id.ToString()),
        { State: var state } => new JobJson.Result(job, state.IsEnd() ? StatusCodes.Status200OK : StatusCodes.Status202Accepted),
    };

    /// <summary>Ids are given one after the other: below the last one, it was there.</summary>
    private async Task<IResult> MissingAsync(string id) =>
        ItemRoutes.TryReadId(id, out var number) && number > 0 && number <= await store.Jobs.LastIdAsync(CancellationToken.None)
            ? new Problem(410, "gone", "No longer kept", $"The job {id} is no longer kept.")
            : Problem.NotFound("job", id);
}
