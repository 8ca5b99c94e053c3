using System.Diagnostics;
using Databus.Nodes;

namespace Databus.Jobs;

/// <summary>
/// The spans of jobs, of the activity source <c>Databus</c>: one for an enqueuing, and one for each start, which belongs
/// to the trace of the enqueuing.
/// </summary>
internal static class JobTracing
{
    public const string Name = "Databus";

    private static readonly ActivitySource Source = new(Name, NodeHeart.Version);

    public static Activity? StartEnqueue(string what)
    {
        // The name is made only for somebody who reads it.
        return Source.HasListeners() ? Source.StartActivity($"enqueue {what}", ActivityKind.Producer) : null;
    }

    /// <summary>The trace to be joined by what is enqueued now; null: there is none.</summary>
    public static string? TraceParent => Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current.Id : null;

    public static Activity? StartRun(ClaimedJob job)
    {
        if (!Source.HasListeners())
            return null;
        var activity = ActivityContext.TryParse(job.TraceParent, traceState: null, isRemote: true, out var parent)
            ? Source.StartActivity($"run {job.Name}", ActivityKind.Consumer, parent)
            : Source.StartActivity($"run {job.Name}", ActivityKind.Consumer);
        return activity?.SetTag("databus.job.id", job.Token.Id).SetTag("databus.job.name", job.Name).SetTag("databus.job.queue", job.Queue)
            .SetTag("databus.job.attempt", job.Attempt);
    }

    public static void End(Activity? activity, JobCompletion completion)
    {
        if (activity is null)
            return;
        activity.SetTag("databus.job.outcome", completion.Outcome.ToString());
        if (completion.Outcome is JobOutcome.Failed or JobOutcome.Hopeless)
            activity.SetStatus(ActivityStatusCode.Error, completion.Error);
    }
}
