using System.Text.Json.Serialization;
using Databus.Hosting;
using Databus.Jobs;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.Options;

namespace Databus.JobNode;

/// <summary>Work that takes a while.</summary>
internal sealed record Step(int Milliseconds);

/// <summary>Which start of it was the one that counts.</summary>
internal sealed record StepResult(int Attempt, string Node);

internal sealed class StepHandler(LedgerLink ledger, IOptions<DatabusOptions> node, TimeProvider time) : IJobHandler<Step, StepResult>
{
    public async Task<StepResult> HandleAsync(Step job, JobContext context, CancellationToken cancellationToken)
    {
        var name = node.Value.NodeName;
        await ledger.TellAsync($"start {context.Id} {context.Attempt} {name}");
        await Task.Delay(TimeSpan.FromMilliseconds(job.Milliseconds), time, cancellationToken);
        await ledger.TellAsync($"end {context.Id} {context.Attempt} {name}");
        return new StepResult(context.Attempt, name);
    }
}

[JsonSerializable(typeof(Step))]
[JsonSerializable(typeof(StepResult))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class StepJson : JsonSerializerContext;
