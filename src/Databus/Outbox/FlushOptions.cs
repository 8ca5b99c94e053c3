namespace Databus.Outbox;

/// <summary>What a flush sends, and how.</summary>
public sealed record FlushOptions
{
    /// <summary>These types only, by name. Default: all that this process has a sender for.</summary>
    public IReadOnlyCollection<string>? Types { get; init; }

    /// <summary>All but these types.</summary>
    public IReadOnlyCollection<string> Except { get; init; } = [];

    /// <summary>How long to wait first, so as not to race what a commit just now sends by itself. Default 250 ms.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>How many batches are under way at once in a flush of many. 1 to 64; default 4.</summary>
    public int Workers { get; init; } = 4;
}

/// <summary>A message could not be sent by a flush. The rest was sent all the same, unless the flush was an ordered one.</summary>
/// <param name="sent">How many were sent.</param>
/// <param name="failed">How many were not; they stay pending, or are parked.</param>
/// <param name="inner">What the sender of the first one threw; null: it said so without an exception.</param>
public sealed class OutboxFlushException(string message, int sent, int failed, Exception? inner = null) : Exception(message, inner)
{
    public int Sent { get; } = sent;

    public int Failed { get; } = failed;
}
