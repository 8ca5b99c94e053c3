namespace Databus.Jobs;

/// <summary>A failure that a handler expects: its message is the job's error as it stands, without a type before it.</summary>
public sealed class JobFailedException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True: it would fail again, so no attempt follows. Default: the job's <see cref="RetryPolicy"/> decides.</summary>
    public bool IsFinal { get; init; }
}
