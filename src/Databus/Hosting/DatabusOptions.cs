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

    /// <summary>
    /// Called once, on the store's own thread, when the store can no longer vouch for what is on disk (P10). From then
    /// on nothing is answered with success. Default: ends the process at once with exit code 70, because whatever
    /// the process still does would rest on data that may not be there.
    /// </summary>
    public Action<Exception> StoreFailed { get; set; } = _ => Environment.Exit(StoreFailedExitCode);
}
