using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Databus.Server.CommandLine.Client;

namespace Databus.Server.CommandLine;

/// <summary>The command line of <c>databus</c>: which commands there are, and how each of them ends.</summary>
internal static class DatabusCommand
{
    /// <summary>Reads the arguments, runs the command and returns its exit code, one of <see cref="ExitCodes"/>.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="terminal">Where the command reads and writes.</param>
    /// <param name="serve">Runs the server until the token says stop; its result is the exit code.</param>
    /// <param name="store">What the commands on a store do, by where it is.</param>
    /// <param name="stop">Ends the command cleanly.</param>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> args,
        Terminal terminal,
        Func<ServeOptions, CancellationToken, Task<int>> serve,
        Func<StoreLocation, StoreCommands> store,
        CancellationToken stop)
    {
        ParseResult parsed = Build(terminal, serve, store).Parse(args);
        if (parsed.Action is ParseErrorAction or null)
            return RefuseUsage(parsed, terminal);
        var invocation = new InvocationConfiguration
        {
            Output = terminal.Out,
            Error = terminal.Error,
            EnableDefaultExceptionHandler = false,
            // Signals arrive as the token.
            ProcessTerminationTimeout = null,
        };
        try
        {
            return await parsed.InvokeAsync(invocation, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (CommandFailure e)
        {
            return Fail(terminal, e.ExitCode, e.Message);
        }
        catch (ServerUnreachable e)
        {
            return Fail(terminal, ExitCodes.Unreachable, e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(terminal, ExitCodes.Failed, e.Message);
        }
    }

    // Not a RootCommand: that calls itself after the assembly, which is not what people type.
    private static Command Build(
        Terminal terminal, Func<ServeOptions, CancellationToken, Task<int>> serve, Func<StoreLocation, StoreCommands> store)
    {
        var context = new CommandContext(terminal);
        return new Command("databus", $"""
            Databus takes each thing once, keeps it safe and delivers it.

            Get going:
              databus serve --environment Development
              databus add apartments.jsonl --topic apartments
              databus fetch apartments --max 3

            {ExitCodes.Help}
            """)
        {
            context.Json,
            new HelpOption { Recursive = true, Action = new FirstLineHelp() },
            new VersionOption(),
            ServeCommand.Create(context, serve),
            WorkerCommand.Create(context, serve),
            AddCommand.Create(context),
            FetchCommand.Create(context),
            TopicsCommand.Create(context),
            SubscriptionsCommand.Create(context),
            DeadCommand.Create(context),
            SourcesCommand.Create(context),
            JobsCommand.Create(context),
            QueuesCommand.Create(context),
            SchedulesCommand.Create(context),
            NodesCommand.Create(context),
            TokenCommand.Create(context, store),
            BackupCommand.Create(context, store),
            RestoreCommand.Create(context, store),
            DoctorCommand.Create(context, store),
        };
    }

    private static int RefuseUsage(ParseResult parsed, Terminal terminal)
    {
        Command command = parsed.CommandResult.Command;
        string[] errors = parsed switch
        {
            { UnmatchedTokens: [string first, ..] } => [$"`{CommandPath(parsed.CommandResult)}` does not know '{first}'."],
            _ when command.Subcommands.Count > 0 => [$"Say what to do: {string.Join(", ", command.Subcommands.Select(sub => sub.Name))}."],
            _ => [.. parsed.Errors.Select(error => OneLine(error.Message)).Distinct(StringComparer.Ordinal)],
        };
        foreach (string error in errors)
            terminal.Error.WriteLine(Printable.WithoutPassword(Printable.Line(error)));
        terminal.Error.WriteLine($"See `{CommandPath(parsed.CommandResult)} --help`.");
        return ExitCodes.WrongUsage;
    }

    private static string OneLine(string message) => string.Join(
        ' ', message.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    private static string CommandPath(System.CommandLine.Parsing.SymbolResult? result)
    {
        var names = new Stack<string>();
        for (; result is System.CommandLine.Parsing.CommandResult command; result = command.Parent)
            names.Push(command.Command.Name);
        return string.Join(' ', names);
    }

    private static int Fail(Terminal terminal, int exitCode, string sentence)
    {
        terminal.Error.WriteLine(Printable.WithoutPassword(Printable.Line(sentence)));
        return exitCode;
    }
}
