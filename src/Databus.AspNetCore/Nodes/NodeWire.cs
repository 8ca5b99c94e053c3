using Databus.AspNetCore.Operation;
using Databus.Nodes;

namespace Databus.AspNetCore.Nodes;

/// <summary>A node as the others see it.</summary>
/// <param name="Id">Unique to one run of the process.</param>
/// <param name="Roles">api, worker, collector, scheduler.</param>
/// <param name="State">alive, draining or silent.</param>
/// <param name="IsThis">It is the one that answers.</param>
internal sealed record NodeAnswer(
    string Id, string Name, IEnumerable<string> Roles, string Version, DateTimeOffset StartedAt, DateTimeOffset SeenAt,
    string State, bool IsThis, IEnumerable<WarningAnswer> Warnings)
{
    public static NodeAnswer Of(NodeStatus node, string thisId) => new(
        node.Report.Id,
        node.Report.Name,
        node.Report.Roles.Words(),
        node.Report.Version,
        node.Report.StartedAt,
        node.SeenAt,
        node switch
        {
            { IsAlive: false } => "silent",
            { Report.IsDraining: true } => "draining",
            _ => "alive",
        },
        node.Report.Id == thisId,
        node.Report.Warnings.Select(warning => new WarningAnswer(warning.Code, warning.Message)));
}

internal sealed record NodesAnswer(IEnumerable<NodeAnswer> Nodes);
