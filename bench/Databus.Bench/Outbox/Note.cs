using System.Diagnostics;
using System.Text.Json.Serialization;
using Databus.Destinations;
using Databus.Outbox;

namespace Databus.Bench.Outbox;

/// <summary>The message whose outbox is measured, without an order key.</summary>
internal sealed record Note(string Text)
{
    public static Note Usual { get; } = new(new string('x', 100));
}

/// <summary>Everything is sent at once, and nothing goes anywhere.</summary>
internal sealed class NowhereSender : IOutboxBatchSender<Note>
{
    public Task<IReadOnlyList<SendOutcome>> SendAsync(IReadOnlyList<OutboxMessage<Note>> messages, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SendOutcome>>([.. messages.Select(_ => SendOutcome.Sent)]);
}

/// <summary>When the message that is waited for came.</summary>
internal sealed class Arrivals : IOutboxSender<Note>
{
    private volatile TaskCompletionSource<long> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The timestamp of the next one's arrival.</summary>
    public Task<long> NextAsync()
    {
        _next = new(TaskCreationOptions.RunContinuationsAsynchronously);
        return _next.Task;
    }

    public Task SendAsync(OutboxMessage<Note> message, CancellationToken cancellationToken)
    {
        _next.TrySetResult(Stopwatch.GetTimestamp());
        return Task.CompletedTask;
    }
}

[JsonSerializable(typeof(Note))]
internal sealed partial class NoteJson : JsonSerializerContext;
