using Databus.Storage;

namespace Databus.Postgres;

/// <summary>
/// Requests that share a statement and a commit. One batch is under way; what comes meanwhile gathers and goes together
/// next, so nobody waits for a timer, and the busier it is the more requests share a round trip and an fsync.
/// </summary>
/// <param name="run">Does all of them in one transaction: as many results as requests, in their order.</param>
/// <param name="load">How many rows wait in all gatherings of the store.</param>
internal sealed class Gathering<TRequest, TResult>(
    Func<IReadOnlyList<TRequest>, Task<IReadOnlyList<TResult>>> run, WaitingRows load)
{
    private const int MaxRowsPerBatch = 4096;
    private const long MaxBytesPerBatch = 4 << 20;

    private readonly Lock _gate = new();
    private readonly Queue<Waiting> _waiting = new();
    private bool _isRunning;
    private Task _lastRun = Task.CompletedTask;

    /// <summary>Ends when nothing is under way any more.</summary>
    public Task Idle
    {
        get
        {
            lock (_gate)
                return _lastRun;
        }
    }

    /// <summary>Ends when the commit it shared is on disk.</summary>
    /// <exception cref="StoreException">Too much waits, or the database failed.</exception>
    public Task<TResult> AskAsync(TRequest request, int rows, long bytes, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled<TResult>(cancellationToken);
        load.Enter(rows);
        var waiting = new Waiting(request, rows, bytes, cancellationToken);
        lock (_gate)
        {
            _waiting.Enqueue(waiting);
            if (!_isRunning)
            {
                _isRunning = true;
                _lastRun = RunWhatWaitsAsync();
            }
        }

        return waiting.Result.Task;
    }

    private async Task RunWhatWaitsAsync()
    {
        // Not on the caller's thread: it holds the gate.
        await Task.Yield();
        var batch = new List<Waiting>();
        while (Take(batch))
        {
            await RunAsync(batch);
            batch.Clear();
        }
    }

    private bool Take(List<Waiting> batch)
    {
        lock (_gate)
        {
            var rows = 0;
            var bytes = 0L;
            while (_waiting.TryPeek(out var next)
                && (batch.Count == 0 || (rows + next.Rows <= MaxRowsPerBatch && bytes + next.Bytes <= MaxBytesPerBatch)))
            {
                _waiting.Dequeue();
                load.Leave(next.Rows);

                // Whoever asked is gone: what they would have got must not be handed out.
                if (next.Cancellation.IsCancellationRequested)
                {
                    next.Result.TrySetCanceled(next.Cancellation);
                    continue;
                }

                rows += next.Rows;
                bytes += next.Bytes;
                batch.Add(next);
            }

            if (batch.Count == 0)
                _isRunning = false;
            return batch.Count > 0;
        }
    }

    private async Task RunAsync(List<Waiting> batch)
    {
        try
        {
            var results = await run([.. batch.Select(one => one.Request)]);
            for (var i = 0; i < batch.Count; i++)
                batch[i].Result.TrySetResult(results[i]);
        }
        catch (StoreException error)
        {
            foreach (var one in batch)
                one.Result.TrySetException(error);
        }
        catch (Exception error)
        {
            // One of them cannot be done. It does not take its neighbours with it.
            if (batch.Count == 1)
                batch[0].Result.TrySetException(error);
            else
                await RunOneByOneAsync(batch);
        }
    }

    private async Task RunOneByOneAsync(List<Waiting> batch)
    {
        foreach (var one in batch)
            await RunAsync([one]);
    }

    private sealed record Waiting(TRequest Request, int Rows, long Bytes, CancellationToken Cancellation)
    {
        public TaskCompletionSource<TResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>How much waits to be written, and may at most (P9).</summary>
internal sealed class WaitingRows(int most)
{
    private int _rows;

    /// <summary>So many rows more wait.</summary>
    /// <exception cref="StoreException">Too much waits already. A single request larger than the limit passes when nothing else waits.</exception>
    public void Enter(int rows)
    {
        var before = Interlocked.Add(ref _rows, rows) - rows;
        if (before == 0 || before + rows <= most)
            return;
        Interlocked.Add(ref _rows, -rows);
        throw new StoreException(StoreProblem.Busy, $"{before} rows already wait to be written, {most} may.");
    }

    public void Leave(int rows) => Interlocked.Add(ref _rows, -rows);
}
