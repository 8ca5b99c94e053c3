using System.Numerics;
using Databus.Destinations;

namespace Databus.RabbitMq.Publishing;

/// <summary>
/// The messages of one channel that the broker has not confirmed yet, by the numbers it confirms them with: 1, 2, 3 … in
/// the order in which they were published. Safe for concurrent use.
/// </summary>
/// <remarks>
/// In place of the client's own tracking, which costs a task and a header for each message, walks over all that are under
/// way for each confirm of several, and lets 128 be under way.
/// </remarks>
internal sealed class ConfirmWindow
{
    private readonly Lock _gate = new();
    private Slot[] _slots = new Slot[256];
    private ulong _first = 1;
    private ulong _next = 1;
    private bool _isClosed;

    /// <summary>To be called before the message is published: its confirm can come sooner than the publish returns.</summary>
    public void Add(PublishBatch batch, int index, string? messageId)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                batch.End();
                return;
            }

            if (_next - _first == (ulong)_slots.Length)
                Grow();
            At(_next++) = new Slot(batch, index, messageId);
        }
    }

    /// <summary>The broker has it for good, or sent it back before.</summary>
    public void Confirm(ulong number, bool multiple) => Settle(number, multiple, SendOutcome.Sent);

    /// <summary>The broker could not take it.</summary>
    public void Refuse(ulong number, bool multiple) =>
        Settle(number, multiple, new SendOutcome(SendResult.Failed, "RabbitMQ refused the message (nack): a queue is full, or could not keep it."));

    /// <summary>
    /// No queue took it. Its confirm follows and says nothing of that. Should the same message be under way twice, both
    /// count as returned: better one too many than none.
    /// </summary>
    public void Return(string? messageId, string reason)
    {
        lock (_gate)
        {
            for (var number = _first; number < _next; number++)
            {
                ref var slot = ref At(number);
                if (slot.Batch is not null && slot.MessageId == messageId)
                    slot.Returned = reason;
            }
        }
    }

    /// <summary>From here on nothing is written to the batch.</summary>
    public void Abandon(PublishBatch batch)
    {
        lock (_gate)
        {
            for (var number = _first; number < _next; number++)
            {
                ref var slot = ref At(number);
                if (slot.Batch == batch)
                    slot = default;
            }
        }
    }

    /// <summary>No confirm will come any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            for (; _first < _next; _first++)
                At(_first).Batch?.End();
        }
    }

    private void Settle(ulong number, bool multiple, SendOutcome outcome)
    {
        lock (_gate)
        {
            if (number >= _next)
                return;
            for (var settled = multiple ? _first : Math.Max(number, _first); settled <= number; settled++)
            {
                ref var slot = ref At(settled);
                slot.Batch?.Settle(slot.Index, slot.Returned is { } reason ? new SendOutcome(SendResult.Failed, reason) : outcome);
                slot = Slot.Settled;
            }

            while (_first < _next && At(_first).IsSettled)
                _first++;
        }
    }

    private ref Slot At(ulong number) => ref _slots[number & ((ulong)_slots.Length - 1)];

    private void Grow()
    {
        var grown = new Slot[BitOperations.RoundUpToPowerOf2((uint)_slots.Length + 1)];
        for (var number = _first; number < _next; number++)
            grown[number & ((ulong)grown.Length - 1)] = At(number);
        _slots = grown;
    }

    /// <summary>A message that is under way, or the place where one was.</summary>
    private struct Slot(PublishBatch? batch, int index, string? messageId)
    {
        public static readonly Slot Settled = new(batch: null, index: 0, messageId: null) { IsSettled = true };

        public PublishBatch? Batch { get; } = batch;

        public int Index { get; } = index;

        public string? MessageId { get; } = messageId;

        public string? Returned { get; set; }

        public bool IsSettled { get; private init; }
    }
}
