using System.CommandLine;
using Databus.Server.CommandLine.Wire;

namespace Databus.Server.CommandLine;

/// <summary><c>databus doctor</c></summary>
internal static class DoctorCommand
{
    public static Command Create(CommandContext context, Func<StoreLocation, StoreCommands> store) => context.StoreCommand(
        "doctor",
        """
        Check the data, the settings and the libraries, and say what is wrong. Changes nothing.

        Example:
          databus doctor --data /var/lib/databus
        """,
        [],
        async (parsed, location, stop) =>
        {
            IReadOnlyList<DoctorCheck> checks = await store(location).Examine(location, stop);
            bool healthy = checks.All(check => check.Verdict != DoctorVerdict.Failed);
            context.Print(parsed, new PrintedDoctor(healthy, checks), WireJson.Plain.PrintedDoctor, output =>
            {
                var table = new TextTable("CHECK", "VERDICT", "FINDING");
                foreach (DoctorCheck check in checks)
                    table.Add(check.Name, Word(check.Verdict), check.Finding);
                table.WriteTo(output);
            });
            return healthy ? ExitCodes.Ok : ExitCodes.Failed;
        });

    private static string Word(DoctorVerdict verdict) => verdict switch
    {
        DoctorVerdict.Ok => "ok",
        DoctorVerdict.Warning => "warning",
        _ => "FAILED",
    };
}
