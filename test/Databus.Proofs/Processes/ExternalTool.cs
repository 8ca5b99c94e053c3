using System.ComponentModel;
using System.Diagnostics;

namespace Databus.Proofs.Processes;

/// <summary>A program of the operating system that a proof cannot do without.</summary>
internal static class ExternalTool
{
    /// <summary>Starts it.</summary>
    /// <exception cref="InvalidOperationException">It is not installed. The proof fails: it shows nothing without it.</exception>
    public static Process Start(string name, params string[] arguments)
    {
        var command = new ProcessStartInfo(name, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            return Process.Start(command)!;
        }
        catch (Win32Exception error)
        {
            throw new InvalidOperationException($"This proof needs the program {name}: {error.Message}", error);
        }
    }

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="InvalidOperationException">It is not installed, or it failed.</exception>
    public static async Task RunAsync(string name, params string[] arguments)
    {
        using var process = Start(name, arguments);
        var complaint = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{name} {string.Join(' ', arguments)} failed: {(await complaint).Trim()}");
    }
}
