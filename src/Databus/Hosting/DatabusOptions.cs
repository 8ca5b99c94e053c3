using Databus.Nodes;

namespace Databus.Hosting;

/// <summary>How Databus behaves inside its process.</summary>
public sealed class DatabusOptions
{
    /// <summary>The exit code of a process that stopped because its store failed.</summary>
    public const int StoreFailedExitCode = 70;

    /// <summary>What people call this node. Need not be unique. Default: the machine's name.</summary>
    public string NodeName { get; set; } = Environment.MachineName;

    /// <summary>The parts of the work that this node takes on. Default: all of them.</summary>
    public NodeRoles Roles { get; set; } = NodeRoles.All;

    /// <summary>
    /// How many keys the process remembers, 0 or more, so that duplicates of them do not reach the store. A key costs about
    /// 100 bytes. Default 100 000; 0: none.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 0.</exception>
    public int RecentKeys
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            field = value;
        }
    } = 100_000;

    /// <summary>How many jobs run here at once, 1 or more; the polls of sources are not counted. Default: four for each processor, and 8 at least.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 1.</exception>
    public int JobConcurrency
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = Math.Max(8, 4 * Environment.ProcessorCount);

    /// <summary>
    /// The queues whose jobs run here, in no order. Default: null, all of them. Whether the queue <c>sources</c> is among them
    /// is up to the roles alone: nodes that collect run it, and others do not.
    /// </summary>
    public IReadOnlyList<string>? JobQueues { get; set; }

    /// <summary>
    /// How long running jobs may go on when the process is told to stop; the host's own time limit for its services may
    /// make it shorter. Then they are told to stop, and start again elsewhere. Default: 10 s.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than 0.</exception>
    public TimeSpan JobDrainTime
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, TimeSpan.Zero);
            field = value;
        }
    } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Called once, on the store's own thread, when the store can no longer vouch for what is on disk (P10). From then
    /// on nothing is answered with success. Default: ends the process at once with exit code 70, because whatever
    /// the process still does would rest on data that may not be there.
    /// </summary>
    public Action<Exception> StoreFailed { get; set; } = _ => Environment.Exit(StoreFailedExitCode);
}
