namespace Databus.Server.CommandLine;

/// <summary>Ends a command: <paramref name="sentence"/> goes to stderr, <paramref name="exitCode"/> to the shell.</summary>
/// <remarks>Also for the delegates of <see cref="StoreCommands"/>: what they refuse, they refuse with this.</remarks>
internal sealed class CommandFailure(int exitCode, string sentence, Exception? cause = null) : Exception(sentence, cause)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;
}
