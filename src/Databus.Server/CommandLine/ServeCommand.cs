using System.CommandLine;
using System.Globalization;
using Databus.Nodes;
using Databus.Storage;

namespace Databus.Server.CommandLine;

/// <summary><c>databus serve</c></summary>
internal static class ServeCommand
{
    private const int LongestName = 100;
    private const int MostAtOnce = 10_000;

    public static Command Create(CommandContext context, Func<ServeOptions, CancellationToken, Task<int>> serve) => Create(
        context,
        serve,
        "serve",
        """
        Start the server with its dashboard. Ctrl+C or SIGTERM stops it within 10 s, after what is under way.

        A node that shares a store with others may take on some of the work only: api answers requests and shows the
        dashboard, worker pushes to destinations and runs jobs, collector reads sources, scheduler gives space back and
        takes the ticks of schedules.

        Examples:
          databus serve --environment Development
          databus serve --urls http://0.0.0.0:5001 --data /var/lib/databus
          databus serve --store postgres://databus@db.internal/databus --roles worker,collector --name worker-1
        """,
        "http://127.0.0.1:5001",
        NodeRoleWords.All,
        mayChooseRoles: true);

    /// <summary>A command that runs a node.</summary>
    /// <param name="mayChooseRoles">Whether there are the options and the variable for other roles than these.</param>
    public static Command Create(
        CommandContext context,
        Func<ServeOptions, CancellationToken, Task<int>> serve,
        string command,
        string description,
        string defaultUrls,
        string defaultRoles,
        bool mayChooseRoles)
    {
        Func<string, string?> variable = context.Terminal.Variable;
        var urls = new Option<string>("--urls")
        {
            Description = "Where to listen, several separated by ';'; or DATABUS_URLS.",
            DefaultValueFactory = _ => variable("DATABUS_URLS") ?? defaultUrls,
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
            DefaultValueFactory = _ => variable("DATABUS_ROLES") ?? defaultRoles,
        };
        var name = new Option<string>("--name")
        {
            Description = "What to call this node; or DATABUS_NAME.",
            HelpName = "name",
            DefaultValueFactory = _ => variable("DATABUS_NAME") ?? Environment.MachineName,
        };
        var concurrency = new Option<string?>("--job-concurrency")
        {
            Description = "How many jobs run here at once; or DATABUS_JOB_CONCURRENCY. Four for each processor, and 8 at least, when not given.",
            HelpName = "n",
            DefaultValueFactory = _ => variable("DATABUS_JOB_CONCURRENCY"),
        };
        var queues = new Option<string?>("--job-queues")
        {
            Description = "The queues whose jobs run here, separated by ','; or DATABUS_JOB_QUEUES. All of them when not given.",
            HelpName = "queues",
            DefaultValueFactory = _ => variable("DATABUS_JOB_QUEUES"),
        };
        return context.StoreCommand(
            command,
            description,
            mayChooseRoles ? [urls, environment, roles, name, concurrency, queues] : [urls, environment, name, concurrency, queues],
            (parsed, location, stop) =>
            {
                // Here, not as a validator of the option: the variables may be wrong just as well.
                string asked = parsed.GetValue(environment)!;
                if (asked is not ("Development" or "Production"))
                    throw new CommandFailure(ExitCodes.WrongUsage, $"The environment is Development or Production, not '{asked}'.");
                string? wanted = mayChooseRoles ? parsed.GetValue(roles) : defaultRoles;
                if (!NodeRoleWords.TryRead(wanted, out NodeRoles taken))
                {
                    throw new CommandFailure(
                        ExitCodes.WrongUsage, $"The roles are {NodeRoleWords.All}: one or more of them, not '{wanted}'.");
                }

                string called = parsed.GetValue(name)!.Trim();
                if (called.Length is 0 or > LongestName)
                    throw new CommandFailure(ExitCodes.WrongUsage, $"A node's name has 1 to {LongestName} characters.");
                return serve(
                    new ServeOptions(parsed.GetValue(urls)!, location, asked, taken, called)
                    {
                        JobConcurrency = ReadConcurrency(parsed.GetValue(concurrency)),
                        JobQueues = ReadQueues(parsed.GetValue(queues)),
                    },
                    stop);
            });
    }

    private static int? ReadConcurrency(string? text) => text switch
    {
        null => null,
        _ when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int count) && count is > 0 and <= MostAtOnce => count,
        _ => throw new CommandFailure(ExitCodes.WrongUsage, $"The job concurrency is a whole number from 1 to {MostAtOnce}, not '{text}'."),
    };

    private static string[]? ReadQueues(string? text)
    {
        string[]? names = text?.Split(',', StringSplitOptions.TrimEntries);
        return names is null || Array.TrueForAll(names, ResourceName.IsValid)
            ? names
            : throw new CommandFailure(ExitCodes.WrongUsage, $"The job queues are names separated by ',', not '{text}'.");
    }
}
