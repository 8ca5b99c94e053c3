using Databus.Nodes;

namespace Databus.Server.CommandLine;

/// <summary>What <c>databus serve</c> was asked for.</summary>
/// <param name="Urls">Where to listen, several separated by <c>;</c>.</param>
/// <param name="Store">Where everything is kept.</param>
/// <param name="Environment"><c>Development</c> (no token on loopback) or <c>Production</c>.</param>
/// <param name="Roles">The parts of the work that this node takes on.</param>
/// <param name="Name">What people call this node.</param>
internal sealed record ServeOptions(string Urls, StoreLocation Store, string Environment, NodeRoles Roles, string Name)
{
    /// <summary>How many jobs run at once; null: as many as suit this machine.</summary>
    public int? JobConcurrency { get; init; }

    /// <summary>The queues whose jobs run here; null: all of them.</summary>
    public IReadOnlyList<string>? JobQueues { get; init; }
}
