using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>The two kinds of sender as one.</summary>
internal static class OutboxSending
{
    public static OutboxSend<T> Of<T>(IOutboxBatchSender<T> sender)
        where T : notnull => async (messages, cancellationToken) =>
        {
            var outcomes = await sender.SendAsync(messages, cancellationToken);
            if (outcomes.Count != messages.Count)
                throw new InvalidOperationException($"{outcomes.Count} outcomes came back for {messages.Count} messages.");
            return [.. outcomes.Select(outcome => new OutboxAnswer(outcome))];
        };

    /// <summary>So many of them are under way at once.</summary>
    public static OutboxSend<T> Of<T>(IOutboxSender<T> sender, int atOnce)
        where T : notnull => async (messages, cancellationToken) =>
        {
            var answers = new OutboxAnswer[messages.Count];
            var next = -1;
            var lanes = new Task[Math.Min(atOnce, messages.Count)];
            for (var lane = 0; lane < lanes.Length; lane++)
                lanes[lane] = SendOneByOneAsync();
            await Task.WhenAll(lanes);
            return answers;

            async Task SendOneByOneAsync()
            {
                for (int place; (place = Interlocked.Increment(ref next)) < messages.Count;)
                    answers[place] = await SendAsync(sender, messages[place], cancellationToken);
            }
        };

    /// <summary>What a thrown exception says about the message.</summary>
    public static OutboxAnswer Judge(Exception error) => error is OutboxSendException told
        ? new(told.Outcome, error)
        : new(new SendOutcome(SendResult.Failed, error.Message.Length > 0 ? error.Message : error.GetType().Name), error);

    private static async Task<OutboxAnswer> SendAsync<T>(IOutboxSender<T> sender, OutboxMessage<T> message, CancellationToken cancellationToken)
        where T : notnull
    {
        if (cancellationToken.IsCancellationRequested)
            return new(new SendOutcome(SendResult.Unavailable, "It was not sent in time."));
        try
        {
            await sender.SendAsync(message, cancellationToken);
            return new(SendOutcome.Sent);
        }
        catch (Exception error)
        {
            return Judge(error);
        }
    }
}
