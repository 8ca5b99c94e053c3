using System.CommandLine;

namespace Databus.Server.CommandLine;

/// <summary><c>databus serve</c></summary>
internal static class ServeCommand
{
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
        return context.StoreCommand(
            "serve",
            """
            Start the server with its dashboard. Ctrl+C stops it after what is under way.

            Examples:
              databus serve --environment Development
              databus serve --urls http://0.0.0.0:5001 --data /var/lib/databus
            """,
            [urls, environment],
            (parsed, location, stop) =>
            {
                // Here, not as a validator of the option: the variables may be wrong just as well.
                string asked = parsed.GetValue(environment)!;
                if (asked is not ("Development" or "Production"))
                    throw new CommandFailure(ExitCodes.WrongUsage, $"The environment is Development or Production, not '{asked}'.");
                return serve(
                    new ServeOptions(parsed.GetValue(urls)!, location.DataDirectory, location.Store, asked), stop);
            });
    }
}
