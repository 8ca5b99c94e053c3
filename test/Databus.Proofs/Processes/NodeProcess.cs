using System.Diagnostics;
using Databus.Testing.Processes;

namespace Databus.Proofs.Processes;

/// <summary>A program that was built with the proofs, as a process of its own.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ProcessLog _log;
    private bool _isEnded;
    private bool _isDisposed;

    private NodeProcess(Process process, string name)
    {
        _process = process;
        Name = name;
        _log = new ProcessLog(process);
    }

    /// <summary>Unlike that of any other, before or after it.</summary>
    public string Name { get; }

    /// <summary>It has ended, and nobody here saw to that.</summary>
    public bool EndedByItself => !_isEnded && _process.HasExited;

    /// <summary>The last lines it wrote.</summary>
    public string Log => _log.ToString();

    public static NodeProcess Start(string program, string name, params IEnumerable<string> arguments)
    {
        var command = new ProcessStartInfo(BuiltProgram.Find(program))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_ROOT"] = BuiltProgram.RuntimeRoot },
        };
        foreach (var argument in arguments)
            command.ArgumentList.Add(argument);
        return new(Process.Start(command) ?? throw new InvalidOperationException("The node did not start."), name);
    }

    public void Freeze() => Signal.Send(_process.Id, Signal.Stop);

    public void Thaw() => Signal.Send(_process.Id, Signal.Continue);

    /// <summary>SIGTERM: it ends when it has returned what it runs.</summary>
    public async Task<int> StopAsync(CancellationToken cancellationToken)
    {
        if (_process.HasExited)
            throw new InvalidOperationException($"{Name} ended by itself.{Environment.NewLine}{Log}");
        _isEnded = true;
        Signal.Send(_process.Id, Signal.Terminate);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        return _process.ExitCode;
    }

    public async Task KillAsync()
    {
        _isEnded = true;
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Any number of times.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_isDisposed)
            return;
        _isDisposed = true;
        if (!_process.HasExited)
            await KillAsync();
        _isEnded = true;
        _process.Dispose();
    }
}
