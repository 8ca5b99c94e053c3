using System.Collections.Concurrent;
using Databus.Destinations;
using Databus.Outbox;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>The other side: takes what is sent, or does as it is told, and remembers what came.</summary>
internal sealed class Outside
{
    private readonly ConcurrentQueue<Try> _arrivals = new();

    /// <summary>What becomes of a message. It may take its time.</summary>
    public Func<Try, Task<SendOutcome>> Takes { get; set; } = static _ => Task.FromResult(SendOutcome.Sent);

    /// <summary>Every send, in order, also those in vain.</summary>
    public ConcurrentQueue<Try> Tries { get; } = new();

    /// <summary>How many messages each call of a sender of batches had.</summary>
    public ConcurrentQueue<int> Batches { get; } = new();

    /// <summary>What was taken, in order.</summary>
    public IReadOnlyCollection<Try> Arrivals => _arrivals;

    public IEnumerable<int> Numbers => _arrivals.Select(arrival => arrival.Number);

    public async Task<SendOutcome> SendAsync(Try one)
    {
        Tries.Enqueue(one);
        var outcome = await Takes(one);
        if (outcome.Result == SendResult.Sent)
            _arrivals.Enqueue(one);
        return outcome;
    }
}

/// <summary>One send of one message.</summary>
internal sealed record Try(string Type, int Number, Guid Id, int Attempt);

internal sealed class SingleSender<T>(Outside outside, Func<T, int> number) : IOutboxSender<T>
    where T : notnull
{
    public async Task SendAsync(OutboxMessage<T> message, CancellationToken cancellationToken)
    {
        var outcome = await outside.SendAsync(new Try(message.Type, number(message.Content), message.Id, message.Attempt));
        if (outcome.Result == SendResult.Failed)
            throw new InvalidOperationException(outcome.Reason);
        if (outcome.Result != SendResult.Sent)
            throw new OutboxSendException(outcome.Result, outcome.Reason!);
    }
}

internal sealed class BatchSender<T>(Outside outside, Func<T, int> number) : IOutboxBatchSender<T>
    where T : notnull
{
    public async Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<T>> messages, CancellationToken cancellationToken)
    {
        outside.Batches.Enqueue(messages.Count);
        var outcomes = new List<SendOutcome>(messages.Count);
        foreach (var message in messages)
            outcomes.Add(await outside.SendAsync(new Try(message.Type, number(message.Content), message.Id, message.Attempt)));
        return outcomes;
    }
}
