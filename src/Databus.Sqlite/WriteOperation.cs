namespace Databus.Sqlite;

/// <summary>What becomes of an operation while the disk is full.</summary>
internal enum SpaceNeed
{
    /// <summary>It adds data: refused until space returns.</summary>
    Adds,

    /// <summary>It works on what is there (fetches, acknowledgements, removals) and goes on.</summary>
    Little,
}

/// <summary>Something to be done in a transaction of the writer, and the promise of its result.</summary>
internal abstract class WriteOperation(SpaceNeed need, int rows, CancellationToken cancellationToken)
{
    public SpaceNeed Need => need;

    /// <summary>About how many rows it writes.</summary>
    public int Rows => rows;

    /// <summary>Whoever asked is gone: what they would have got must not be handed out.</summary>
    public bool IsAbandoned => cancellationToken.IsCancellationRequested;

    protected CancellationToken Cancellation => cancellationToken;

    /// <summary>Does the work inside the transaction. May run again after a rollback.</summary>
    public abstract void Run(WriteSession session);

    /// <summary>The commit is on disk: hands the result over.</summary>
    public abstract void Succeed();

    public abstract void Fail(Exception error);

    public abstract void Abandon();
}

internal sealed class WriteOperation<T>(Func<WriteSession, T> work, SpaceNeed need, int rows, CancellationToken cancellationToken)
    : WriteOperation(need, rows, cancellationToken)
{
    // Continuations run elsewhere: the writer's thread writes.
    private readonly TaskCompletionSource<T> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private T? _result;

    public Task<T> Result => _completion.Task;

    public override void Run(WriteSession session) => _result = work(session);

    public override void Succeed() => _completion.TrySetResult(_result!);

    public override void Fail(Exception error) => _completion.TrySetException(error);

    public override void Abandon() => _completion.TrySetCanceled(Cancellation);
}
