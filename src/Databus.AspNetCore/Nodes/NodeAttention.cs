using Databus.AspNetCore.Operation;
using Databus.Nodes;

namespace Databus.AspNetCore.Nodes;

/// <summary>What the nodes have to tell the operator, and which of them he misses.</summary>
internal static class NodeAttention
{
    /// <summary>Whoever has been silent for longer is not missed any more.</summary>
    private static readonly TimeSpan Missed = TimeSpan.FromHours(1);

    /// <summary>The warnings of those that are alive, and one for each that is missed.</summary>
    /// <param name="thisId">The node that answers: it is alive, whether its heartbeats are heard or not.</param>
    public static IEnumerable<WarningAnswer> Of(IReadOnlyList<NodeStatus> nodes, string thisId, DateTimeOffset now)
    {
        var alive = nodes.Where(node => node.IsAlive || node.Report.Id == thisId).ToList();
        foreach (var node in alive)
        {
            foreach (var warning in node.Report.Warnings)
                yield return new WarningAnswer(warning.Code, alive.Count > 1 ? $"{node.Report.Name}: {warning.Message}" : warning.Message);
        }

        foreach (var node in nodes.Except(alive).Where(node => now - node.SeenAt <= Missed && !alive.Exists(other => IsSuccessor(other, node))))
        {
            yield return new WarningAnswer(
                "node-silent", $"Node {node.Report.Name} fell silent without a goodbye; it was last seen at {TimeConverter.Text(node.SeenAt)}.");
        }
    }

    /// <summary>The node was started again: nobody is missing.</summary>
    private static bool IsSuccessor(NodeStatus node, NodeStatus silent) =>
        node.Report.Name == silent.Report.Name && node.Report.StartedAt >= silent.SeenAt;
}
