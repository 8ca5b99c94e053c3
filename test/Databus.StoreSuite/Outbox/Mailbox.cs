using Databus.Destinations;
using Databus.Outbox;
using Databus.Testing;

namespace Databus.StoreSuite.Outbox;

/// <summary>The other side: takes what is sent, or does as it is told, and remembers what came.</summary>
public sealed class Mailbox
{
    private readonly Lock _gate = new();
    private readonly List<Mail> _mails = [];

    /// <summary>What becomes of a message; null: it is taken. What it throws, the sender throws.</summary>
    public Func<string, int, SendOutcome?> Behaviour { get; set; } = static (_, _) => null;

    /// <summary>What was taken, in order, resends too.</summary>
    public IReadOnlyList<Mail> Mails
    {
        get
        {
            lock (_gate)
                return [.. _mails];
        }
    }

    public IEnumerable<string> Texts => Mails.Select(mail => mail.Text);

    public SendOutcome Take(Guid id, string text, string? key, int attempt)
    {
        if (Behaviour(text, attempt) is { } outcome)
            return outcome;
        lock (_gate)
            _mails.Add(new Mail(id, text, key, attempt));
        return SendOutcome.Sent;
    }

    public Task<bool> HasAsync(int count, TimeSpan? patience = null) => Deadline.WaitAsync(
        () =>
        {
            lock (_gate)
                return _mails.Count >= count;
        },
        patience ?? TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

    /// <summary>Something that came.</summary>
    public sealed record Mail(Guid Id, string Text, string? Key, int Attempt);
}

/// <summary>Sends notes to the mailbox one at a time.</summary>
internal sealed class NoteSender(Mailbox box) : IOutboxSender<Note>
{
    public Task SendAsync(OutboxMessage<Note> message, CancellationToken cancellationToken)
    {
        var outcome = box.Take(message.Id, message.Content.Text, message.OrderKey, message.Attempt);
        return outcome.Result switch
        {
            SendResult.Sent => Task.CompletedTask,
            SendResult.Failed => throw new InvalidOperationException(outcome.Reason),
            _ => throw new OutboxSendException(outcome.Result, outcome.Reason!, outcome.RetryAfter),
        };
    }
}

/// <summary>Sends parcels to the mailbox in batches.</summary>
internal sealed class ParcelSender(Mailbox box) : IOutboxBatchSender<Parcel>
{
    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<Parcel>> messages, CancellationToken cancellationToken)
    {
        // First asked about all, so that a batch that throws has sent nothing.
        var refused = messages.Select(message => box.Behaviour(message.Content.Text, message.Attempt)).ToList();
        return Task.FromResult<IReadOnlyList<SendOutcome>>(
            [.. messages.Select((message, at) => refused[at] ?? box.Take(message.Id, message.Content.Text, message.OrderKey, message.Attempt))]);
    }
}
