using Databus.Destinations;
using Databus.Storage;
using Databus.Topics;

namespace Databus.Outbox;

/// <summary>
/// Appends messages to a topic of a Databus that runs in the same process. The message's id is the item's key, so a resend is a
/// duplicate and has no effect (P8).
/// </summary>
/// <param name="topic">Created on first use.</param>
public sealed class TopicOutboxSender<T>(TopicLog log, string topic) : IOutboxBatchSender<T>
    where T : notnull
{
    public async Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken)
    {
        try
        {
            var found = await log.GetOrCreateAsync(topic, cancellationToken);
            var outcomes = new SendOutcome[messages.Count];
            var items = new List<NewItem>(messages.Count);
            for (var at = 0; at < messages.Count; at++)
            {
                if (TopicLog.TryRead(found, messages[at].Json.Span, messages[at].Id.ToString(), messages[at].Type, out var item, out var error))
                    items.Add(item);
                else
                    outcomes[at] = new SendOutcome(SendResult.Hopeless, error.Sentence);
            }

            if (items.Count > 0)
                await log.AppendAsync(found, items, cancellationToken);
            return outcomes;
        }
        catch (StoreException error)
        {
            return [.. Enumerable.Repeat(new SendOutcome(SendResult.Unavailable, error.Message), messages.Count)];
        }
    }
}
