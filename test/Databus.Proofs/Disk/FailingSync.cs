using System.Diagnostics;
using System.Globalization;
using Databus.Testing.Processes;

namespace Databus.Proofs.Disk;

/// <summary>Makes every fsync and fdatasync of a running process fail with an I/O error, as a dying disk does.</summary>
internal sealed class FailingSync : IDisposable
{
    private readonly Process _strace;
    private readonly string _trace;

    private FailingSync(Process strace, string trace)
    {
        _strace = strace;
        _trace = trace;
    }

    /// <summary>From somewhere during this call on they fail.</summary>
    public static FailingSync Start(int processId, string traceFile) => new(
        ExternalTool.Start(
            "strace", "-f", "-ttt", "-o", traceFile,
            "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO",
            "-p", processId.ToString(CultureInfo.InvariantCulture)),
        traceFile);

    /// <summary>When the first one failed; null: none has.</summary>
    public DateTimeOffset? FirstFailure()
    {
        if (!File.Exists(_trace))
            return null;
        using var reader = new StreamReader(new FileStream(_trace, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            // <thread> <seconds.microseconds> fdatasync(75) = -1 EIO (Input/output error) (INJECTED)
            if (line.Contains("EIO", StringComparison.Ordinal)
                && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, var time, ..]
                && decimal.TryParse(time, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds))
            {
                return DateTimeOffset.UnixEpoch.AddTicks((long)(seconds * TimeSpan.TicksPerSecond));
            }
        }

        return null;
    }

    public string Complaint() => _strace.HasExited ? _strace.StandardError.ReadToEnd().Trim() : "";

    public void Dispose()
    {
        if (!_strace.HasExited)
            _strace.Kill();
        _strace.WaitForExit();
        _strace.Dispose();
    }
}
