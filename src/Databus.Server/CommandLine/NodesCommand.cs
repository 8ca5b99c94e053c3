using System.CommandLine;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus nodes</c></summary>
internal static class NodesCommand
{
    public static Command Create(CommandContext context) => context.ServerCommand(
        "nodes",
        """
        List the nodes: the processes that work on the server's store. The one that answers has a star.

        Example:
          databus nodes --url http://10.0.0.7:5001
        """,
        [],
        async (parsed, server, stop) => context.Print(
            parsed, await server.GetAsync("api/v1/nodes", stop), WireJson.Default.NodeList, Write));

    private static void Write(NodeList list, TextWriter output)
    {
        var table = new TextTable("NODE", "STATE", "ROLES", "VERSION", "STARTED", "LAST SEEN", "ID");
        foreach (Node node in list.Nodes)
        {
            table.Add(
                node.IsThis ? $"{node.Name} *" : node.Name,
                node.State,
                string.Join(',', node.Roles),
                node.Version,
                Printable.Time(node.StartedAt),
                Printable.Time(node.SeenAt),
                node.Id);
        }
        table.WriteTo(output);
        foreach (Node node in list.Nodes)
        {
            foreach (NodeWarning warning in node.Warnings)
                output.WriteLine(Printable.Line($"{node.Name}: {warning.Message}"));
        }
    }
}
