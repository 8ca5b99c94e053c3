using System.Text.Json.Serialization;
using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing.Ledgers;

namespace Databus.OutboxNode;

/// <summary>The next number of a key.</summary>
internal sealed record Step(string Key, long Number)
{
    /// <summary>The key of those that have no order.</summary>
    public const string Free = "free";
}

/// <summary>Unlike that of any other process.</summary>
internal sealed record NodeName(string Value);

/// <summary>Sent is what the ledger has written down.</summary>
internal sealed class StepSender(LedgerLink ledger, NodeName node) : IOutboxBatchSender<Step>
{
    public async Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<Step>> messages, CancellationToken cancellationToken)
    {
        await ledger.TellAsync([.. messages.Select(message => string.Create(
            System.Globalization.CultureInfo.InvariantCulture, $"sent {node.Value} {message.Id} {message.Content.Key} {message.Content.Number}"))]);
        return [.. messages.Select(_ => SendOutcome.Sent)];
    }
}

[JsonSerializable(typeof(Step))]
internal sealed partial class StepJson : JsonSerializerContext;
