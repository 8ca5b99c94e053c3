using Databus.Jobs;
using Databus.Storage;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Databus.AspNetCore.Jobs;

/// <summary>Queues: how they are doing, whether they are paused, and what their jobs may do together.</summary>
internal sealed class QueueRoutes(IStore store, IOptions<DatabusHttpOptions> options)
{
    public async Task<IResult> ListAsync(CancellationToken cancellationToken)
    {
        var queues = await store.Jobs.ListQueuesAsync(cancellationToken);
        return Results.Json(new QueuesAnswer(queues.Select(QueueAnswer.Of)), WireContext.Default.QueuesAnswer);
    }

    public async Task<IResult> PutAsync(HttpContext context, string queue)
    {
        if (!ResourceName.IsValid(queue))
            return Names.Invalid("queue", queue);
        var (body, problem) = await Body.ReadJsonAsync(context, WireContext.Default.QueueBody, options.Value.MaxBodyBytes);
        if (body is null)
            return problem!;

        var before = await FindAsync(queue, context.RequestAborted);
        var maxRunning = body.MaxRunning ?? before?.Limit?.MaxRunning;
        var maxStarts = body.MaxStarts ?? before?.Limit?.MaxStarts;
        var perSeconds = body.PerSeconds ?? (before?.Limit is { MaxStarts: > 0 } limit ? limit.Per.TotalSeconds : null);
        if (JobLimits.Judge(at: "", maxRunning, maxStarts, perSeconds) is { } refusal)
            return refusal;
        await store.Jobs.PutQueueAsync(queue, body.Paused ?? before?.IsPaused ?? false, JobLimits.Of(queue, maxRunning, maxStarts, perSeconds), CancellationToken.None);

        // One that has neither jobs nor settings is not listed.
        var status = await FindAsync(queue, CancellationToken.None)
            ?? new QueueStatus(queue, IsPaused: false, Limit: null, new Dictionary<JobState, long>(), OldestDueAt: null, EndedLastMinute: 0, MeanWait: null);
        return Results.Json(QueueAnswer.Of(status), WireContext.Default.QueueAnswer);
    }

    private async Task<QueueStatus?> FindAsync(string queue, CancellationToken cancellationToken) =>
        (await store.Jobs.ListQueuesAsync(cancellationToken)).FirstOrDefault(status => status.Name == queue);
}
