using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>One call of a sender, whichever kind it is: of each message, what became of it and what was thrown.</summary>
internal delegate Task<IReadOnlyList<OutboxAnswer>> OutboxSend<T>(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken)
    where T : notnull;

/// <summary>Makes a sender in the scope of a batch.</summary>
internal sealed record OutboxSenderOf<T>(Func<IServiceProvider, OutboxSending, OutboxSend<T>> Make, bool GoesInBatches)
    where T : notnull;

/// <summary>What became of one message that was sent.</summary>
/// <param name="Error">What the sender threw; null: it said so without an exception.</param>
internal readonly record struct OutboxAnswer(SendOutcome Outcome, Exception? Error = null)
{
    public bool IsSent => Outcome.Result == SendResult.Sent;
}
