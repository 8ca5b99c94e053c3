using Databus.Destinations;

namespace Databus.RabbitMq.Publishing;

/// <summary>What became of messages that are published together. Written by the <see cref="ConfirmWindow"/> alone.</summary>
internal sealed class PublishBatch(int count)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SendOutcome?[] _outcomes = new SendOutcome?[count];
    private int _unsettled = count;

    public int Count => _outcomes.Length;

    /// <summary>Ends when all are settled, or when no more will be.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Null: not known; it may have arrived.</summary>
    public SendOutcome? this[int index] => _outcomes[index];

    public void Settle(int index, SendOutcome outcome)
    {
        _outcomes[index] = outcome;
        if (--_unsettled == 0)
            _ended.TrySetResult();
    }

    public void End() => _ended.TrySetResult();
}
