using Databus.Destinations;

namespace Databus.Outbox;

/// <summary>The two kinds of sender as one, with a limit for the time that a call may take.</summary>
internal sealed class OutboxSending(TimeSpan timeLimit, TimeProvider time)
{
    /// <summary>A call that is cut off has this long to say what it had done by then.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);

    /// <summary>What a thrown exception says about the message.</summary>
    public static OutboxAnswer Judge(Exception error) => error is OutboxSendException told
        ? new(told.Outcome, error)
        : new(new SendOutcome(SendResult.Failed, error.Message.Length > 0 ? error.Message : error.GetType().Name), error);

    public OutboxSend<T> Of<T>(IOutboxBatchSender<T> sender)
        where T : notnull => async (messages, cancellationToken) =>
        {
            IReadOnlyList<SendOutcome>? outcomes = null;
            if (await CallAsync(async token => outcomes = await sender.SendAsync(messages, token), cancellationToken) is { } failure)
                return [.. Enumerable.Repeat(failure, messages.Count)];
            return outcomes!.Count == messages.Count
                ? [.. outcomes.Select(outcome => new OutboxAnswer(outcome))]
                : throw new InvalidOperationException($"{outcomes.Count} outcomes came back for {messages.Count} messages.");
        };

    /// <summary>So many of them are under way at once.</summary>
    public OutboxSend<T> Of<T>(IOutboxSender<T> sender, int atOnce)
        where T : notnull => async (messages, cancellationToken) =>
        {
            var answers = new OutboxAnswer[messages.Count];
            var next = -1;
            await Task.WhenAll(Enumerable.Range(0, Math.Min(atOnce, messages.Count)).Select(_ => SendOneByOneAsync()));
            return answers;

            async Task SendOneByOneAsync()
            {
                for (int place; (place = Interlocked.Increment(ref next)) < messages.Count;)
                {
                    var message = messages[place];
                    answers[place] = await CallAsync(token => sender.SendAsync(message, token), cancellationToken) ?? new(SendOutcome.Sent);
                }
            }
        };

    /// <summary>Null: it ended well, be it after it was cut off. A call that does not heed its token is waited for no longer than <see cref="Grace"/>.</summary>
    private async Task<OutboxAnswer?> CallAsync(Func<CancellationToken, Task> call, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return new(new SendOutcome(SendResult.Unavailable, "It was not sent before the stop."));
        using var late = new CancellationTokenSource(timeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            var answer = call(either.Token);
            await answer.WaitAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // What it delivered before it was cut off, it may still tell. What it does not tell is sent again.
            if (!answer.IsCompleted)
                await answer.WaitAsync(Grace, time, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await (answer.IsCompleted ? answer : Task.FromCanceled(either.Token));
            return null;
        }
        catch (Exception error) when (either.IsCancellationRequested && error is not OutboxSendException)
        {
            return cancellationToken.IsCancellationRequested
                ? new(new SendOutcome(SendResult.Unavailable, "No answer came before the stop."), error)
                : new(new SendOutcome(SendResult.Failed, $"No answer came within {timeLimit.TotalSeconds:0.#} s."), error);
        }
        catch (Exception error)
        {
            return Judge(error);
        }
    }
}
