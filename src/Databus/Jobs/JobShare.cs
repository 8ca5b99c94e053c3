namespace Databus.Jobs;

/// <summary>Some of the queues, and how many of their jobs run here at once. What changes does so under the lock of JobRuns.</summary>
/// <param name="queues">Null: all.</param>
internal sealed class JobShare(IReadOnlyList<string>? queues, IReadOnlyList<string> without, int most)
{
    public IReadOnlyList<string>? Queues { get; } = queues;

    public IReadOnlyList<string> Without { get; } = without;

    public int Most { get; } = most;

    /// <summary>How many handlers are under way.</summary>
    public int Busy { get; set; }

    /// <summary>There was no room for another one.</summary>
    public bool WantsRoom { get; set; }

    /// <summary>A timestamp: before, there is nothing to claim as far as is known.</summary>
    public long NextLook { get; set; }

    public bool Has(string queue) => Queues?.Contains(queue, StringComparer.Ordinal) != false && !Without.Contains(queue, StringComparer.Ordinal);
}
