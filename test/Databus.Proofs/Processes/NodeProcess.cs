using System.Diagnostics;
using Databus.Testing.Processes;

namespace Databus.Proofs.Processes;

/// <summary>A program that was built with the proofs, as a process of its own.</summary>
internal sealed class NodeProcess : IAsyncDisposable
{
    private readonly Process _process;

    private NodeProcess(Process process, string name)
    {
        _process = process;
        Name = name;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Unlike that of any other, before or after it.</summary>
    public string Name { get; }

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
        Signal.Send(_process.Id, Signal.Terminate);
        await _process.WaitForExitAsync(cancellationToken).WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        return _process.ExitCode;
    }

    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await KillAsync();
        _process.Dispose();
    }
}
