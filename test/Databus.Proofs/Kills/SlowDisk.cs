using System.Diagnostics;
using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Proofs.Kills;

/// <summary>
/// Delays every write of a running process to a file, so that a kill falls into the middle of a commit: whoever answers
/// before the commit is caught there.
/// </summary>
internal sealed class SlowDisk : IDisposable
{
    private const int DelayMicroseconds = 2000;

    private readonly Process _strace;

    private SlowDisk(Process strace) => _strace = strace;

    public static SlowDisk Start(int processId) => new(ExternalTool.Start(
        "strace", "-f", "-o", "/dev/null", "-e", "trace=pwrite64",
        "-e", string.Create(CultureInfo.InvariantCulture, $"inject=pwrite64:delay_enter={DelayMicroseconds}"),
        "-p", processId.ToString(CultureInfo.InvariantCulture)));

    /// <summary>After the process it slowed has ended.</summary>
    public void Dispose()
    {
        if (!_strace.HasExited)
            _strace.Kill();
        _strace.WaitForExit();
        _strace.Dispose();
    }
}
