using Databus.AspNetCore.Problems;
using Databus.AspNetCore.Topics;
using Databus.Jobs;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Jobs;

/// <summary>
/// Cancels, retries and deletes all jobs that a filter matches, from the newest down. One request goes on in small steps for
/// a few seconds and then says where it stopped, so that nothing else has to wait for it and any number of jobs can be done.
/// </summary>
internal sealed class JobBulkRoutes(IStore store, TimeProvider time, IHostApplicationLifetime lifetime, IOptions<DatabusHttpOptions> options)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    public Task<IResult> CancelAsync(HttpContext context) => ChangeAsync(context, store.Jobs.CancelAsync);

    public Task<IResult> RetryAsync(HttpContext context) => ChangeAsync(context, store.Jobs.RetryAsync);

    public Task<IResult> DeleteAsync(HttpContext context) => ChangeAsync(context, store.Jobs.DeleteAsync);

    private async Task<IResult> ChangeAsync(HttpContext context, Func<JobFilter, long?, CancellationToken, Task<JobStep>> change)
    {
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.BulkBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;
        if (Read(body, out var filter, out var before) is { } refusal)
            return refusal;

        var started = time.GetTimestamp();
        var changed = 0L;
        do
        {
            var step = await change(filter!, before, CancellationToken.None);
            changed += step.Changed;
            before = step.ScannedTo;
        }
        while (before is not null && time.GetElapsedTime(started) < Longest
            && !context.RequestAborted.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested);
        return Results.Json(new BulkJobsAnswer(changed, before?.ToString()), WireContext.Default.BulkJobsAnswer);
    }

    private static Problem? Read(BulkBody body, out JobFilter? filter, out long? before)
    {
        before = null;
        var given = body.Filter ?? new JobFilterBody(null, null, null, null, null, null, null, null);
        filter = JobFilters.Read(given, "filter.", out var problem);
        if (filter is null)
            return problem;
        if (body.Before is not null)
        {
            if (!ItemRoutes.TryReadId(body.Before, out var id))
                return Problem.Invalid("before", "before is an id, as scannedTo of the answer before: a string with a whole number.");
            before = id;
        }

        // A filter that somebody forgot to fill would reach everything.
        return filter with { NotQueue = null } == new JobFilter() && body.All != true
            ? Problem.Invalid("filter", "Say which jobs: filter has none of its members. For all of them, send \"all\":true.")
            : null;
    }
}
