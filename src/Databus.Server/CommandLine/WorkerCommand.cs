using System.CommandLine;
using Databus.Nodes;

namespace Databus.Server.CommandLine;

/// <summary><c>databus worker</c></summary>
internal static class WorkerCommand
{
    public static Command Create(CommandContext context, Func<ServeOptions, CancellationToken, Task<int>> serve) => ServeCommand.Create(
        context,
        serve,
        "worker",
        """
        Start a node that runs jobs and pushes to destinations, and nothing else: serve with the role worker. It answers
        only whether it is well, on a port of its own unless --urls names one.

        Example:
          databus worker --store postgres://databus@db.internal/databus --job-queues pages,mail --job-concurrency 16
        """,
        "http://127.0.0.1:0",
        string.Join(',', NodeRoles.Worker.Words()),
        mayChooseRoles: false);
}
