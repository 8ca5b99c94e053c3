using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>
/// Sends messages of one type, each by itself. Registered as scoped; several may be under way at once
/// (<see cref="OutboxMessageOptions{T}.SendsAtOnce"/>), but never two with the same order key.
/// </summary>
public interface IOutboxSender<T>
    where T : notnull
{
    /// <summary>
    /// Ends when the other side has the message for good. No transaction of the outbox is open meanwhile. What it throws is a
    /// failed attempt, which is tried again later; <see cref="OutboxSendException"/> says something else.
    /// </summary>
    Task SendAsync(OutboxMessage<T> message, CancellationToken cancellationToken);
}

/// <summary>Sends messages of one type in batches. Registered as scoped; several batches may be under way at once.</summary>
public interface IOutboxBatchSender<T>
    where T : notnull
{
    /// <summary>
    /// Sends them and says of each what became of it, in the order given. No two of them have the same order key, so they may go
    /// in parallel. What it throws is a failed attempt of all of them; they are then tried again one by one.
    /// </summary>
    /// <remarks>
    /// Cancelled when its time is over (<see cref="OutboxMessageOptions{T}.SendTimeLimit"/>) or the host stops. What it returns within 2 s
    /// after that still counts: what it had delivered by then is not sent again.
    /// </remarks>
    Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken);
}

/// <summary>Thrown by a sender that knows more than that it failed.</summary>
/// <param name="result">
/// <see cref="SendResult.Hopeless"/>: it is parked at once. <see cref="SendResult.Unavailable"/>: the destination as a whole is not
/// there, so no attempt is used up, unless others are sent to it meanwhile, twice. <see cref="SendResult.Failed"/>: as any other
/// exception, but with a time to wait.
/// </param>
/// <param name="reason">A plain sentence for the operator.</param>
/// <param name="retryAfter">The other side asks to be left alone for this long; a day at most.</param>
public sealed class OutboxSendException(SendResult result, string reason, TimeSpan? retryAfter = null, Exception? inner = null)
    : Exception(reason, inner)
{
    public SendOutcome Outcome { get; } = new(result, reason, retryAfter);
}
