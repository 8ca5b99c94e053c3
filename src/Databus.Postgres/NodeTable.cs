using Databus.Nodes;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

internal static class NodeTable
{
    private static readonly TimeSpan Remembered = TimeSpan.FromDays(1);

    public static Task<int> HeartbeatAsync(NpgsqlConnection connection, NodeReport node, long? time) => connection.Command(
        """
        WITH forgotten AS (DELETE FROM databus.nodes WHERE seen_at < databus.now_in_ms($8::bigint) - $9 AND node_id <> $1)
        INSERT INTO databus.nodes (node_id, name, roles, version, started_at, draining, warnings, job_names, seen_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $10, databus.now_in_ms($8::bigint))
        ON CONFLICT (node_id) DO UPDATE SET draining = excluded.draining, warnings = excluded.warnings, seen_at = excluded.seen_at
        """,
        node.Id, node.Name, (int)node.Roles, node.Version, node.StartedAt.ToColumn(), node.IsDraining, NodeWarnings.ToJson(node.Warnings),
        time, Remembered.ToColumn(), string.Join(',', node.JobNames)).RunAsync(CancellationToken.None);

    public static Task<int> RemoveAsync(NpgsqlConnection connection, string id) =>
        connection.Command("DELETE FROM databus.nodes WHERE node_id = $1", id).RunAsync(CancellationToken.None);

    public static Task<List<NodeStatus>> ListAsync(NpgsqlConnection connection, long? time, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT node_id, name, roles, version, started_at, draining, warnings, seen_at, databus.now_in_ms($1::bigint) - seen_at < $2, job_names
            FROM databus.nodes ORDER BY name, node_id
            """, time, NodeStatus.SilenceOfTheDead.ToColumn()).RowsAsync(
            rows => new NodeStatus(
                new NodeReport(
                    rows.GetString(0), rows.GetString(1), (NodeRoles)rows.GetInt32(2), rows.GetString(3), rows.Time(4),
                    rows.GetBoolean(5), NodeWarnings.FromJson(rows.GetString(6)))
                {
                    JobNames = rows.GetString(9).Split(',', StringSplitOptions.RemoveEmptyEntries),
                },
                rows.Time(7),
                rows.GetBoolean(8)),
            cancellationToken);
}
