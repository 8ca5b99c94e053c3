using Databus.Server.CommandLine;

namespace Databus.Server.Tests.CommandLine;

/// <summary>One run of the real command line in this process, and how it ended.</summary>
internal sealed record CommandRun(int ExitCode, string Out, string Error)
{
    public static async Task<CommandRun> OfAsync(
        string[] args,
        Uri? server = null,
        Stream? input = null,
        TextWriter? output = null,
        Dictionary<string, string>? variables = null,
        Func<StoreLocation, StoreCommands>? store = null,
        Func<ServeOptions, CancellationToken, Task<int>>? serve = null,
        TimeProvider? time = null,
        CancellationToken stop = default)
    {
        variables ??= [];
        if (server is not null)
            variables["DATABUS_URL"] = server.AbsoluteUri;
        TextWriter result = output ?? new StringWriter();
        var error = new StringWriter();
        var terminal = new Terminal(
            input ?? Stream.Null,
            result,
            error,
            ErrorIsTerminal: false,
            name => variables.GetValueOrDefault(name),
            time ?? TimeProvider.System);
        int exitCode = await DatabusCommand.RunAsync(
            args, terminal, serve ?? ((_, _) => Task.FromResult(0)), store ?? (_ => new MemoryStore().Commands), stop);
        return new CommandRun(exitCode, result.ToString()!, error.ToString());
    }

    /// <summary>The lines of stdout.</summary>
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
