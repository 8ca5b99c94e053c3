namespace Databus.Storage;

/// <summary>Why the store could not do what it was asked.</summary>
public enum StoreProblem
{
    /// <summary>Too much is waiting to be written; try again after a moment. Nothing was done.</summary>
    Busy,

    /// <summary>The disk is full: nothing can be appended until space returns. Nothing was done.</summary>
    DiskFull,

    /// <summary>
    /// The database does not answer, or the connection to it broke. What was asked for may or may not have happened;
    /// asking again is safe.
    /// </summary>
    Unavailable,

    /// <summary>The store met a failure after which it cannot vouch for what it holds, or is closed (P10).</summary>
    Stopped,
}

/// <summary>
/// Infrastructure failed; the domain's own outcomes are never exceptions. Whatever the problem, what was
/// asked for did not happen, with two exceptions: after <see cref="StoreProblem.Unavailable"/> and
/// <see cref="StoreProblem.Stopped"/> it is unknown.
/// </summary>
public sealed class StoreException(StoreProblem problem, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public StoreProblem Problem { get; } = problem;

    /// <summary>True when the same request can succeed later without anybody doing anything.</summary>
    public bool IsTransient => Problem is StoreProblem.Busy or StoreProblem.Unavailable;
}
