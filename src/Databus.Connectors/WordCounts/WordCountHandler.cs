using Databus.Jobs;

namespace Databus.Connectors.WordCounts;

/// <summary>Runs the job <c>word-count</c>.</summary>
internal sealed class WordCountHandler(PageWordCounter counter) : IJobHandler<WordCount, WordCountResult>
{
    public async Task<WordCountResult> HandleAsync(WordCount job, JobContext context, CancellationToken cancellationToken) =>
        await counter.CountAsync(job, context.ReportProgress, cancellationToken) switch
        {
            PageWords words => words.Result,
            PageWordFailure failure => throw new JobFailedException(failure.Reason) { IsFinal = failure.IsFinal },
            var other => throw new InvalidOperationException($"A count ended as {other.GetType().Name}."),
        };
}
