using Databus.Storage;

namespace Databus.Nodes;

/// <summary>The parts of the work that a node takes on.</summary>
[Flags]
public enum NodeRoles
{
    None = 0,

    /// <summary>Answers requests and shows the dashboard.</summary>
    Api = 1,

    /// <summary>Pushes to destinations; runs jobs, but for those of the queue <c>sources</c>.</summary>
    Worker = 2,

    /// <summary>Polls sources, by the jobs of the queue <c>sources</c>, and listens to them.</summary>
    Collector = 4,

    /// <summary>Enqueues what schedules ask for, and gives space back.</summary>
    Scheduler = 8,

    All = Api | Worker | Collector | Scheduler,
}

/// <summary>What a node says about itself with each heartbeat.</summary>
/// <param name="Id">Unique to this run of the process.</param>
/// <param name="Name">What people call it: the machine's name unless set otherwise.</param>
/// <param name="Warnings">What its operator should know now.</param>
public sealed record NodeReport(
    string Id, string Name, NodeRoles Roles, string Version, DateTimeOffset StartedAt, bool IsDraining, IReadOnlyList<Warning> Warnings)
{
    /// <summary>The names of the jobs that it has handlers for, old ones too; told with its first heartbeat.</summary>
    public IReadOnlyList<string> JobNames { get; init; } = [];
}

/// <summary>A node as the others see it.</summary>
/// <param name="SeenAt">Its last heartbeat, in the store's time.</param>
/// <param name="IsAlive">Heard of within <see cref="SilenceOfTheDead"/>.</param>
public sealed record NodeStatus(NodeReport Report, DateTimeOffset SeenAt, bool IsAlive)
{
    public static readonly TimeSpan SilenceOfTheDead = TimeSpan.FromSeconds(10);
}
