using System.CommandLine;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus backup</c></summary>
internal static class BackupCommand
{
    public static Command Create(CommandContext context, Func<StoreLocation, StoreCommands> store)
    {
        var file = new Argument<string>("file") { Description = "The file to write; it must not exist yet." };
        return context.StoreCommand(
            "backup",
            """
            Copy everything that is kept into one file, while the server may be running.

            Example:
              databus backup monday.databus --data /var/lib/databus
            """,
            [file],
            async (parsed, location, stop) =>
            {
                BackupReport report = await store(location).Backup(location, parsed.GetValue(file)!, stop);
                context.Print(parsed, report, WireJson.Plain.BackupReport, output => output.WriteLine(
                    $"{Printable.Line(report.File)}: {report.Topics} topics, {report.Items} items, {report.Bytes} bytes"));
                return ExitCodes.Ok;
            });
    }
}
