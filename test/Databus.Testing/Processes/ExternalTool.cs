using System.ComponentModel;
using System.Diagnostics;

namespace Databus.Testing.Processes;

/// <summary>A program of the operating system that a test cannot do without.</summary>
public static class ExternalTool
{
    /// <summary>Where it is: in the first of these folders that has it, or on the PATH.</summary>
    /// <exception cref="InvalidOperationException">It is not installed. The test fails: it shows nothing without it.</exception>
    public static string Find(string name, string package, params IEnumerable<string> folders)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        // The administrator's folders are not on every user's PATH, and daemons live there.
        return folders.Concat(path).Append("/usr/sbin")
            .Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException(
                $"The tests need {name}, which is not installed. Debian has it in a package: apt-get install {package}");
    }

    /// <summary>Starts it.</summary>
    /// <exception cref="InvalidOperationException">It is not installed. The proof fails: it shows nothing without it.</exception>
    public static Process Start(string name, params IEnumerable<string> arguments)
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
            throw new InvalidOperationException($"This needs the program {name}: {error.Message}", error);
        }
    }

    /// <summary>Runs it to its end, and gives what it printed, without the white space around it.</summary>
    /// <exception cref="InvalidOperationException">It is not installed, or it failed.</exception>
    public static async Task<string> RunAsync(string name, params IEnumerable<string> arguments)
    {
        using var process = Start(name, arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var complaint = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0
            ? (await output).Trim()
            : throw new InvalidOperationException(
                $"{name} {string.Join(' ', process.StartInfo.ArgumentList)} failed: {(await complaint).Trim()}");
    }
}
