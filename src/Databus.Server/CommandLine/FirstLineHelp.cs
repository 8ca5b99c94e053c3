using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Databus.Server.CommandLine;

/// <summary>Help that says everything about the command asked for, and of those below it one line each.</summary>
internal sealed class FirstLineHelp : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        foreach (Command command in parseResult.CommandResult.Command.Subcommands)
            command.Description = command.Description?.Split('\n', 2)[0].TrimEnd();
        return new HelpAction().Invoke(parseResult);
    }
}
