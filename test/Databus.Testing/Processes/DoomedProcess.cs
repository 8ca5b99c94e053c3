using System.Diagnostics;
using System.Reflection;

namespace Databus.Testing.Processes;

/// <summary>
/// A program of tests as another process, which is talked to by lines and killed. Its <c>Program.cs</c> says what it does with the words
/// it is given.
/// </summary>
public sealed class DoomedProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Task<string> _errors;

    /// <summary>Starts it.</summary>
    /// <param name="program">The tests' own assembly.</param>
    public DoomedProcess(Assembly program, params string[] words)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Run by the framework's own host, it is the host's first argument.
        if (!Path.GetFileNameWithoutExtension(start.FileName).StartsWith("Databus.", StringComparison.Ordinal))
            start.ArgumentList.Add(program.Location);
        foreach (var word in words)
            start.ArgumentList.Add(word);
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync(CancellationToken.None);
    }

    public bool HasExited => _process.HasExited;

    /// <summary>What it said of errors, once it has ended.</summary>
    public string Log => _errors.IsCompletedSuccessfully ? _errors.Result : "It runs.";

    /// <summary>The next line it writes; its errors when it has ended.</summary>
    /// <exception cref="TimeoutException">It is silent.</exception>
    public async Task<string> ReadLineAsync(CancellationToken cancellationToken) =>
        await _process.StandardOutput.ReadLineAsync(cancellationToken).AsTask().WaitAsync(Patience, cancellationToken) ?? await _errors;

    /// <summary>Lets it go on from where it waits for a line.</summary>
    public async Task GoAsync(CancellationToken cancellationToken)
    {
        await _process.StandardInput.WriteLineAsync("go".AsMemory(), cancellationToken);
        await _process.StandardInput.FlushAsync(cancellationToken);
    }

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        await _errors;
        _process.Dispose();
    }
}
