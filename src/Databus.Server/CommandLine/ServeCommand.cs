using System.CommandLine;
using Databus.Nodes;

namespace Databus.Server.CommandLine;

/// <summary><c>databus serve</c></summary>
internal static class ServeCommand
{
    private const int LongestName = 100;

    public static Command Create(CommandContext context, Func<ServeOptions, CancellationToken, Task<int>> serve)
    {
        Func<string, string?> variable = context.Terminal.Variable;
        var urls = new Option<string>("--urls")
        {
            Description = "Where to listen, several separated by ';'; or DATABUS_URLS.",
            DefaultValueFactory = _ => variable("DATABUS_URLS") ?? "http://127.0.0.1:5001",
        };
        var environment = new Option<string>("--environment")
        {
            Description = "Development asks for no token on loopback; Production always does. Or DATABUS_ENVIRONMENT.",
            DefaultValueFactory = _ =>
                variable("DATABUS_ENVIRONMENT") ?? variable("ASPNETCORE_ENVIRONMENT") ?? "Production",
        };
        var roles = new Option<string>("--roles")
        {
            Description = "What this node does, separated by ','; or DATABUS_ROLES.",
            HelpName = "roles",
            DefaultValueFactory = _ => variable("DATABUS_ROLES") ?? NodeRoleWords.All,
        };
        var name = new Option<string>("--name")
        {
            Description = "What to call this node; or DATABUS_NAME.",
            HelpName = "name",
            DefaultValueFactory = _ => variable("DATABUS_NAME") ?? Environment.MachineName,
        };
        return context.StoreCommand(
            "serve",
            """
            Start the server with its dashboard. Ctrl+C or SIGTERM stops it within 10 s, after what is under way.

            A node that shares a store with others may take on some of the work only: api answers requests and shows the
            dashboard, worker pushes to destinations, collector reads sources, scheduler gives space back.

            Examples:
              databus serve --environment Development
              databus serve --urls http://0.0.0.0:5001 --data /var/lib/databus
              databus serve --store postgres://databus@db.internal/databus --roles worker,collector --name worker-1
            """,
            [urls, environment, roles, name],
            (parsed, location, stop) =>
            {
                // Here, not as a validator of the option: the variables may be wrong just as well.
                string asked = parsed.GetValue(environment)!;
                if (asked is not ("Development" or "Production"))
                    throw new CommandFailure(ExitCodes.WrongUsage, $"The environment is Development or Production, not '{asked}'.");
                if (!NodeRoleWords.TryRead(parsed.GetValue(roles), out NodeRoles taken))
                {
                    throw new CommandFailure(
                        ExitCodes.WrongUsage, $"The roles are {NodeRoleWords.All}: one or more of them, not '{parsed.GetValue(roles)}'.");
                }

                string called = parsed.GetValue(name)!.Trim();
                if (called.Length is 0 or > LongestName)
                    throw new CommandFailure(ExitCodes.WrongUsage, $"A node's name has 1 to {LongestName} characters.");
                return serve(new ServeOptions(parsed.GetValue(urls)!, location, asked, taken, called), stop);
            });
    }
}
