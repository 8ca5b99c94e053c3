using Databus.Jobs;

namespace Databus.Connectors.WordCounts;

/// <summary>Runs the job <c>word-count</c>.</summary>
internal sealed class WordCountHandler(PageWordCounter counter) : IJobHandler<WordCount, WordCountResult>
{
    public async Task<WordCountResult> HandleAsync(WordCount job, JobContext context, CancellationToken cancellationToken) =>
        await counter.CountAsync(job, context.ReportProgress, cancellationToken) switch
        {
            PageWords words => words.Result,
            PageWordFailure failure => throw new WordCountException(failure.Reason, failure.IsFinal),
            var other => throw new InvalidOperationException($"A count ended as {other.GetType().Name}."),
        };
}

/// <summary>The words of a page could not be counted. The message is for whoever wants them.</summary>
internal sealed class WordCountException(string message, bool isFinal) : Exception(message)
{
    /// <summary>Trying again brings nothing else.</summary>
    public bool IsFinal { get; } = isFinal;
}
