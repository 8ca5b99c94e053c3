using Databus.AspNetCore.Problems;
using Databus.Jobs;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Jobs;

/// <summary>Enqueues jobs, of any name: who handles them may be a program in any language, and may come later.</summary>
internal sealed class EnqueueRoutes(JobClient jobs, NewJobReader reader, IOptions<DatabusHttpOptions> options)
{
    private const int MaxJobs = 10_000;

    /// <summary>The body is the job's arguments; everything else is in the query.</summary>
    public async Task<IResult> EnqueueAsync(HttpContext context, string name)
    {
        if (context.Request.ContentType is { } contentType && !MediaTypes.IsJson(contentType))
            return Problem.MediaType(contentType);
        var (settings, problem) = ReadQuery(context.Request.Query, name);
        if ((problem ?? NewJobReader.Judge(settings, at: "", place: 0)) is { } refusal)
            return refusal;

        var limit = options.Value.MaxItemBytes;
        if (await Body.ReadWholeAsync(context, limit) is not { } body)
            return Problem.TooLarge("The arguments", limit);
        (var arguments, problem) = Body.Use(context.Request.BodyReader, body, bytes => bytes.IndexOfAnyExcept(" \t\r\n"u8) < 0
            ? (RawJson.EmptyObject, null)
            : (RawJson.Read(bytes, "body", limit, out var refused), refused));
        if (arguments is null || reader.Describe(settings, arguments, "body", out problem) is not { } job)
            return problem!;
        return await EnqueueAsync(job);
    }

    public async Task<IResult> EnqueueManyAsync(HttpContext context)
    {
        var (bodies, problem) = await Body.ReadJsonArrayAsync(context, WireContext.Default.NewJobBody, MaxJobs, options.Value.MaxBodyBytes);
        if (bodies is null)
            return problem!;
        var many = new List<NewJob>(bodies.Count);
        foreach (var body in bodies)
        {
            if (reader.Read(body, $"[{many.Count}].", many.Count, out problem) is not { } job)
                return problem!;
            many.Add(job);
        }

        var outcomes = await jobs.EnqueueAsync(many, CancellationToken.None);
        return Results.Json(
            new EnqueuedManyAnswer(outcomes.Select(outcome => new EnqueuedAnswer(outcome.Id.ToString(), outcome.Added))), WireContext.Default.EnqueuedManyAnswer);
    }

    /// <summary>Not to be cancelled by the request: a job on its way to disk arrives, whoever is still there to be told.</summary>
    private async Task<IResult> EnqueueAsync(NewJob job)
    {
        var outcome = (await jobs.EnqueueAsync([job], CancellationToken.None))[0];
        if (!outcome.Added)
            return Duplicate(outcome.Id);

        // One that is kept no longer than it runs may be gone already.
        return await jobs.FindAsync(outcome.Id, CancellationToken.None) is { } status
            ? new JobJson.Result(status, StatusCodes.Status202Accepted)
            : Results.Accepted($"/api/v1/jobs/{outcome.Id}");
    }

    private static (NewJobBody Settings, Problem? Problem) ReadQuery(IQueryCollection values, string name)
    {
        var query = new QueryReader(values);
        var settings = new NewJobBody(
            name, default, query.Text("queue"), query.Text("priority"), query.Number("delaySeconds"), query.Time("dueAt"), query.Number("expiresSeconds"),
            query.Whole("maxAttempts"), query.Text("uniqueKey"), query.Number("uniqueSeconds"), query.Number("keepSeconds"),
            query.List("after"), query.Flag("afterAnyEnd"),
            query.Text("limitKey"), query.Whole("maxRunning"), query.Whole("maxStarts"), query.Number("perSeconds"));
        query.RefuseOthers();
        return (settings, query.Problem);
    }

    private static Problem Duplicate(long id) => new(409, "duplicate", "Duplicate", "A job with this unique key is there already.")
    {
        Detail = $"The key is taken by the job {id}.",
        Id = id.ToString(),
    };
}
