using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Databus.Server.CommandLine;

/// <summary>What surrounds a command: its three streams, its environment variables and the clock.</summary>
/// <param name="In">Read by <c>add</c> when no file is named.</param>
/// <param name="Out">Results, and nothing else.</param>
/// <param name="Error">Errors, notes and the progress bar.</param>
/// <param name="ErrorIsTerminal">Whether a person sees <paramref name="Error"/>; only then a progress bar is drawn.</param>
/// <param name="Variable">An environment variable by name, null when it is not set.</param>
/// <param name="Time">The clock of every wait and rate.</param>
internal sealed record Terminal(
    Stream In,
    TextWriter Out,
    TextWriter Error,
    bool ErrorIsTerminal,
    Func<string, string?> Variable,
    TimeProvider Time)
{
    /// <summary>The terminal this process was started from.</summary>
    public static Terminal OfProcess() => new(
        Console.OpenStandardInput(),
        new StreamWriter(OpenOutput(), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true },
        Console.Error,
        !Console.IsErrorRedirected,
        Environment.GetEnvironmentVariable,
        TimeProvider.System);

    /// <summary>Opens stdout so that a reader who has gone is noticed.</summary>
    /// <remarks>
    /// The runtime's console stream keeps silent when the reader of a pipe has gone (<c>databus fetch … | head</c>),
    /// and <c>fetch</c> would acknowledge what nobody read. A FileStream on the same descriptor reports it. Not for
    /// regular files: there it keeps an offset of its own, and the next program that writes to the same file would
    /// overwrite what it wrote.
    /// </remarks>
    private static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows())
            return Console.OpenStandardOutput();
        var descriptor = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return descriptor.CanSeek ? Console.OpenStandardOutput() : descriptor;
    }
}
