using System.Collections.Concurrent;
using System.Text.Json.Serialization;
using Databus.Jobs;

namespace Databus.Tests.Jobs;

/// <summary>A job for the tests; <see cref="Note"/> is the field that its older versions did not have.</summary>
public sealed record Work(int Number, string? Note = null);

public sealed record Done(string Text);

/// <summary>A second kind of job.</summary>
public sealed record Summary(string Title);

[JsonSerializable(typeof(Work))]
[JsonSerializable(typeof(Done))]
[JsonSerializable(typeof(Summary))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class WorkJson : JsonSerializerContext;

/// <summary>What the handlers of a test do, and in which order they were started.</summary>
internal sealed class Script
{
    public Func<Work, JobContext, CancellationToken, Task<Done>> Do { get; set; } = (work, _, _) => Task.FromResult(new Done($"{work.Number}"));

    public ConcurrentQueue<string> Started { get; } = new();
}

internal sealed class WorkHandler(Script script) : IJobHandler<Work, Done>
{
    public Task<Done> HandleAsync(Work job, JobContext context, CancellationToken cancellationToken)
    {
        script.Started.Enqueue($"work {job.Number}");
        return script.Do(job, context, cancellationToken);
    }
}

internal sealed class SummaryHandler(Script script) : IJobHandler<Summary, Done>
{
    public Task<Done> HandleAsync(Summary job, JobContext context, CancellationToken cancellationToken)
    {
        script.Started.Enqueue($"summary {job.Title}");
        return Task.FromResult(new Done(job.Title));
    }
}
