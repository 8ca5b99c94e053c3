using System.CommandLine;
using Databus.Server.CommandLine.Client;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus restore</c></summary>
internal static class RestoreCommand
{
    public static Command Create(CommandContext context, Func<StoreLocation, StoreCommands> store)
    {
        var file = new Argument<string>("file") { Description = "The backup." };
        var force = new Option<bool>("--force") { Description = "Also where there is data already, which is lost." };
        return context.StoreCommand(
            "restore",
            """
            Put a backup in the place of the data. The server must not be running.

            Example:
              databus restore monday.databus --data /var/lib/databus
            """,
            [file, force],
            async (parsed, location, stop) =>
            {
                string name = parsed.GetValue(file)!;
                if (!File.Exists(name))
                    throw new CommandFailure(ExitCodes.Failed, $"There is no file {name}.");
                using (ServerConnection? server = await ServerConnection.ToControlSocketAsync(location.ControlSocket, stop))
                {
                    if (server is not null)
                        throw new CommandFailure(ExitCodes.Failed, $"A server runs on {location.DataDirectory}; stop it first.");
                }
                BackupReport report = await store(location).Restore(location, name, parsed.GetValue(force), stop);
                context.Print(parsed, report, WireJson.Plain.BackupReport, output => output.WriteLine(
                    $"{Printable.Line(location.DataDirectory)}: {report.Topics} topics, {report.Items} items restored"));
                return ExitCodes.Ok;
            });
    }
}
