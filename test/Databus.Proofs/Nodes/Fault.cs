namespace Databus.Proofs.Nodes;

/// <summary>What is done to the nodes and their database.</summary>
internal enum Fault
{
    /// <summary>SIGKILL of a node, which is started again.</summary>
    NodeKilled,

    /// <summary>SIGSTOP of a node for longer than its leases, then SIGCONT.</summary>
    NodeFrozen,

    /// <summary>SIGTERM of each node in turn, each started again.</summary>
    NodesRestarted,

    /// <summary>pg_terminate_backend of every connection.</summary>
    ConnectionsEnded,

    /// <summary>PostgreSQL stopped in immediate mode, and started again.</summary>
    DatabaseStopped,

    /// <summary>No packets between nodes and database for a while.</summary>
    NetworkCut,

    /// <summary>The same for longer.</summary>
    NetworkCutForLong,
}
