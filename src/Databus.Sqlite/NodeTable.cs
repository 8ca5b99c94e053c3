using Databus.Nodes;
using Databus.Storage;

namespace Databus.Sqlite;

internal static class NodeTable
{
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1);

    public static int Heartbeat(WriteSession session, NodeReport node)
    {
        session.Hear(node.Id);
        session.Connection["DELETE FROM nodes WHERE seen_at < $forgotten"].Run(session.Now - Remembered.ToColumn());
        return session.Connection[
            """
            INSERT INTO nodes (node_id, name, roles, version, started_at, draining, warnings, job_names, seen_at)
            VALUES ($id, $name, $roles, $version, $startedAt, $draining, $warnings, $jobNames, $now)
            ON CONFLICT (node_id) DO UPDATE SET draining = excluded.draining, warnings = excluded.warnings, seen_at = excluded.seen_at
            """].Run(
            node.Id, node.Name, (int)node.Roles, node.Version, node.StartedAt.ToColumn(), node.IsDraining,
            NodeWarnings.ToJson(node.Warnings), string.Join(',', node.JobNames), session.Now);
    }

    public static int Remove(WriteSession session, string id)
    {
        session.HearNoMore(id);
        return session.Connection["DELETE FROM nodes WHERE node_id = $id"].Run(id);
    }

    public static IReadOnlyList<NodeStatus> List(Connection connection, long now)
    {
        using var rows = connection[
            "SELECT node_id, name, roles, version, started_at, draining, warnings, seen_at, job_names FROM nodes ORDER BY name, node_id"].Rows();
        var nodes = new List<NodeStatus>();
        while (rows.Read())
        {
            var report = new NodeReport(
                rows.GetString(0), rows.GetString(1), (NodeRoles)rows.GetInt32(2), rows.GetString(3), Times.FromColumn(rows.GetInt64(4)),
                rows.GetBoolean(5), NodeWarnings.FromJson(rows.GetString(6)))
            {
                JobNames = rows.GetString(8).Split(',', StringSplitOptions.RemoveEmptyEntries),
            };
            nodes.Add(new NodeStatus(
                report, Times.FromColumn(rows.GetInt64(7)), now - rows.GetInt64(7) < NodeStatus.SilenceOfTheDead.ToColumn()));
        }

        return nodes;
    }
}
