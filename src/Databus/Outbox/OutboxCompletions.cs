using Databus.Destinations;
using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Outbox;

/// <summary>
/// Ends claims in the store. What ends while one step is under way goes together in the next. Tried again for as long as it takes: a
/// database that is away for a while makes no duplicates, unless the claim is lost to somebody else.
/// </summary>
internal sealed partial class OutboxCompletions(IOutboxStore store, TimeProvider time, ILogger<OutboxCompletions> logger)
{
    private const int MostAtOnce = 64;
    private const int MostTriesOfOurMistake = 5;
    private static readonly TimeSpan FirstWait = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private bool _isRunning;

    /// <summary>False: the claim was lost, and nothing was changed.</summary>
    /// <exception cref="OperationCanceledException">It is not known what was changed.</exception>
    public Task<bool> CompleteAsync(OutboxCompletion completion, CancellationToken cancellationToken)
    {
        var waiting = new Waiting(completion, cancellationToken);
        lock (_gate)
        {
            _waiting.Enqueue(waiting);
            if (!_isRunning)
            {
                _isRunning = true;
                using (ExecutionContext.SuppressFlow())
                    _ = Task.Run(RunAsync, CancellationToken.None);
            }
        }

        return waiting.Done.Task;
    }

    private async Task RunAsync()
    {
        while (Take() is { Count: > 0 } batch)
        {
            var mistakes = 0;
            for (var tries = 1; await TryAsync(batch, isFirst: tries == 1) is { } failure; tries++)
            {
                if (failure is not StoreException && ++mistakes == MostTriesOfOurMistake)
                    batch.ForEach(one => one.Done.TrySetException(failure));
                foreach (var one in batch.Where(one => one.Cancellation.IsCancellationRequested))
                    one.Done.TrySetCanceled(one.Cancellation);
                batch.RemoveAll(one => one.Done.Task.IsCompleted);
                if (batch.Count == 0)
                    break;
                await Task.Delay(BackOff.After(tries, FirstWait, LongestWait, Random.Shared.NextDouble()), time);
            }
        }
    }

    private List<Waiting> Take()
    {
        lock (_gate)
        {
            var batch = new List<Waiting>();
            while (batch.Count < MostAtOnce && _waiting.TryPeek(out var next))
            {
                // Other work in the transaction may fail, and is not to take its neighbours with it.
                if (next.Completion.Also is not null && batch.Count > 0)
                    break;
                batch.Add(_waiting.Dequeue());
                if (next.Completion.Also is not null)
                    break;
            }

            if (batch.Count == 0)
                _isRunning = false;
            return batch;
        }
    }

    /// <summary>Null: it is done.</summary>
    private async Task<Exception?> TryAsync(List<Waiting> batch, bool isFirst)
    {
        try
        {
            var lost = await store.CompleteAsync([.. batch.Select(one => one.Completion)], CancellationToken.None);
            foreach (var one in batch)
                one.Done.TrySetResult(!lost.Contains(one.Completion.Token));
            return null;
        }
        catch (Exception error)
        {
            if (isFirst)
                LogNotKept(batch.Count, error);
            return error;
        }
    }

    private sealed record Waiting(OutboxCompletion Completion, CancellationToken Cancellation)
    {
        public TaskCompletionSource<bool> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    [LoggerMessage(EventId = 61, Level = LogLevel.Error, Message = "How {Count} batches of outbox messages went could not be kept; it is tried again")]
    private partial void LogNotKept(int count, Exception error);
}
