using System.Text.Json;
using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Subscriptions;
using Databus.Jobs;
using Databus.Storage;
using Databus.Subscriptions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Jobs;

/// <summary>
/// For workers that are programs of their own, in any language: they claim jobs, hold them by renewing, say how far they are, and
/// complete them. A token guards each of it; what is said with one that is no longer current is refused (P5).
/// </summary>
internal sealed class WorkerRoutes(IStore store, OutsideWorkers workers, WaitingRequests waiting, IOptions<DatabusHttpOptions> options)
{
    private const int MaxClaimed = 100;
    private const int MaxNames = 1000;
    private const int MaxWorkerLength = 200;
    private const int MaxMessageLength = 1000;
    private const int MaxLines = 1000;
    private const int MaxLineLength = 2000;
    private const int MaxErrorLength = 2000;
    private const int MaxCompletions = 1000;
    private static readonly TimeSpan DefaultLease = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestLease = TimeSpan.FromHours(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(7);

    public async Task<IResult> ClaimAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.ClaimBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (Judge(body) is { } refusal)
            return refusal;
        var claim = new JobClaim(body.Worker!.Trim(), body.Queues, body.Max ?? 1, Lease(body.LeaseSeconds)) { Names = body.Names };
        return body.WaitSeconds is > 0
            ? await waiting.RunAsync(
                context,
                async stop => await HandOutAsync(context, await workers.ClaimAsync(claim, TimeSpan.FromSeconds(body.WaitSeconds.Value), stop)),
                stopped: () => Task.FromResult<IResult>(new Claimed([])))
            : await HandOutAsync(context, await workers.ClaimAsync(claim, TimeSpan.Zero, context.RequestAborted));
    }

    public async Task<IResult> RenewAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.RenewBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (!FetchRoutes.TryReadTokens(body.Tokens, out var tokens, out var unknown, out problem))
            return problem!;
        if (JudgeLease(body.LeaseSeconds) is { } refusal)
            return refusal;
        return Answer(tokens.Count, await store.Jobs.RenewAsync(tokens, Lease(body.LeaseSeconds), CancellationToken.None), unknown);
    }

    public async Task<IResult> ReportAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.ReportBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (Judge(body) is { } refusal)
            return refusal;
        if (!LeaseToken.TryParse(body.Token, out var token))
            return Answer(0, new JobRenewal([], []), [body.Token!]);

        // The attempt of a token that is current is the job's own.
        var attempt = body.Lines is { Length: > 0 } ? (await store.Jobs.FindAsync(token.Id, CancellationToken.None))?.Attempt ?? 0 : 0;
        var report = new JobReport(
            token, body.Progress, body.Message,
            [.. (body.Lines ?? []).Select(line => new JobLogLine(store.Now, attempt, LevelOf(line), line.Text!))]);
        return Answer(1, await store.Jobs.ReportAsync([report], CancellationToken.None), []);
    }

    public async Task<IResult> CompleteAsync(HttpContext context)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.CompleteBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (body.Completions is null)
            return Problem.Invalid("completions", "completions is needed: a list of tokens, each with its outcome.");
        if (Ranges.Judge("completions", body.Completions, MaxCompletions) is { } refusal)
            return refusal;

        var completions = new List<JobCompletion>(body.Completions.Length);
        var unknown = new List<string>();
        for (var i = 0; i < body.Completions.Length; i++)
        {
            if (Read(body.Completions[i], $"completions[{i}].", out var completion) is { } wrong)
                return wrong;
            if (completion is not null)
                completions.Add(completion);
            else
                unknown.Add(body.Completions[i].Token!);
        }

        for (var i = 0; i < completions.Count; i++)
        {
            // As the jobs of nodes wait, where the worker does not say.
            if (completions[i] is { Outcome: JobOutcome.Failed } failed && failed.Delay < TimeSpan.Zero)
                completions[i] = failed with { Delay = JobRetries.After((await store.Jobs.FindAsync(failed.Token.Id, CancellationToken.None))?.Attempt ?? 1) };
        }

        var lost = await store.Jobs.CompleteAsync(completions, CancellationToken.None);
        return Results.Json(new CompletedAnswer(completions.Count - lost.Count, FetchRoutes.Texts(lost, unknown)), WireContext.Default.CompletedAnswer);
    }

    private static IResult Answer(int asked, JobRenewal renewal, List<string> unknown) => Results.Json(
        new RenewedAnswer(
            asked - renewal.Lost.Count, FetchRoutes.Texts(renewal.Lost, unknown), renewal.CancelRequested.Select(token => token.ToString())),
        WireContext.Default.RenewedAnswer);

    private static TimeSpan Lease(double? seconds) => seconds is { } given ? TimeSpan.FromSeconds(given) : DefaultLease;

    private static int LevelOf(JobLogLineBody line) => JobWords.TryReadLevel(line.Level ?? "info", out var level) ? level : 0;

    private static Problem? JudgeLease(double? seconds) => Ranges.Judge("leaseSeconds", seconds, 1, LongestLease.TotalSeconds);

    private static Problem? Judge(ClaimBody body)
    {
        if (string.IsNullOrWhiteSpace(body.Worker) || body.Worker.Any(char.IsControl))
            return Problem.Invalid("worker", "worker is needed: what people shall call this worker.");
        return Ranges.Judge("worker", body.Worker, MaxWorkerLength)
            ?? JudgeNames("queues", "queue", body.Queues)
            ?? JudgeNames("names", "job", body.Names)
            ?? Ranges.Judge("max", body.Max, 1, MaxClaimed)
            ?? JudgeLease(body.LeaseSeconds)
            ?? Ranges.Judge("waitSeconds", body.WaitSeconds, 0, LongestWait.TotalSeconds);
    }

    private static Problem? JudgeNames(string field, string what, string[]? names)
    {
        if (names is [])
            return Problem.Invalid(field, $"{field} names one at least; leave it out for all.");
        foreach (var name in names ?? [])
        {
            if (!ResourceName.IsValid(name))
                return Names.Invalid(what, name ?? "") with { Field = field };
        }

        return Ranges.Judge(field, names, MaxNames);
    }

    private static Problem? Judge(ReportBody body)
    {
        if (body.Token is null)
            return Problem.Invalid("token", "token is needed: the one that came with the job.");
        if (Array.Exists(body.Lines ?? [], line => line?.Text is null))
            return Problem.Invalid("lines", "lines is a list of objects with a text, and perhaps a level.");
        if (Array.Exists(body.Lines ?? [], line => !JobWords.TryReadLevel(line.Level ?? "info", out _)))
            return Problem.Invalid("lines", $"The levels are: {JobWords.LevelWords}.");
        return Ranges.Judge("progress", body.Progress, 0, 1)
            ?? Ranges.Judge("message", body.Message, MaxMessageLength)
            ?? Ranges.Judge("lines", body.Lines, MaxLines)
            ?? (body.Lines ?? []).Select(line => Ranges.Judge("lines", line.Text, MaxLineLength)).FirstOrDefault(problem => problem is not null);
    }

    /// <summary>
    /// Reads one completion, with a delay below 0 where a failure does not say any. Null for one whose token cannot be ours:
    /// it is lost like any other that is not current.
    /// </summary>
    private Problem? Read(JobCompletionBody? body, string at, out JobCompletion? completion)
    {
        completion = null;
        if (body?.Token is null)
            return Problem.Invalid(at + "token", "token is needed: the one that came with the job.");
        if (!JobWords.TryRead(body.Outcome, out JobOutcome outcome))
            return Problem.Invalid(at + "outcome", $"The outcomes are: {JobWords.OutcomeWords}.");
        var problem = Ranges.Judge(at + "delaySeconds", body.DelaySeconds, 0, LongestDelay.TotalSeconds) ?? Ranges.Judge(at + "error", body.Error, MaxErrorLength);
        if (problem is not null)
            return problem;
        if (outcome != JobOutcome.Succeeded && body.Result.ValueKind != JsonValueKind.Undefined)
            return Problem.Invalid(at + "result", "Only what succeeded has a result.");
        var result = RawJson.Read(body.Result, at + "result", options.Value.MaxItemBytes, out problem);
        if (problem is not null)
            return problem;
        if (!LeaseToken.TryParse(body.Token, out var token))
            return null;

        var delay = body.DelaySeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : outcome == JobOutcome.Failed ? TimeSpan.FromTicks(-1) : TimeSpan.Zero;
        var error = outcome is JobOutcome.Succeeded ? null
            : string.IsNullOrWhiteSpace(body.Error) ? outcome is JobOutcome.Failed or JobOutcome.Hopeless ? JobErrors.NoReason : null
            : body.Error;
        completion = new JobCompletion(token, outcome, result, error, delay);
        return null;
    }

    /// <summary>Jobs that were claimed for somebody who has left meanwhile go back at once.</summary>
    private async Task<IResult> HandOutAsync(HttpContext context, IReadOnlyList<ClaimedJob> jobs)
    {
        if (jobs.Count > 0 && context.RequestAborted.IsCancellationRequested)
        {
            await store.Jobs.CompleteAsync(
                [.. jobs.Select(job => new JobCompletion(job.Token, JobOutcome.Returned, Error: "The worker that asked for it was gone."))], CancellationToken.None);
            return new Claimed([]);
        }

        return new Claimed(jobs);
    }

    private sealed class Claimed(IReadOnlyList<ClaimedJob> jobs) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json";
            await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
            json.WriteStartObject();
            json.WriteStartArray("jobs");
            foreach (var job in jobs)
            {
                json.WriteStartObject();
                json.WriteString("id", job.Token.Id.ToString());
                json.WriteString("token", job.Token.ToString());
                json.WriteString("name", job.Name);
                json.WriteString("queue", job.Queue);
                RawJson.Write(json, "arguments", job.Arguments);
                json.WriteNumber("attempt", job.Attempt);
                json.WriteNumber("maxAttempts", job.MaxAttempts);
                json.WriteString("enqueuedAt", TimeConverter.Text(job.EnqueuedAt));
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }
    }
}
