using System.Collections.Concurrent;
using System.Diagnostics;

namespace Databus.Proofs.Processes;

/// <summary>The last lines that a process wrote.</summary>
internal sealed class ProcessLog
{
    private const int LinesKept = 400;
    private const int LongestLine = 400;

    private readonly ConcurrentQueue<string> _lines = new();

    /// <summary>Reads both streams of a process, which has to have them redirected, until they end.</summary>
    public ProcessLog(Process process)
    {
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>The first line that speaks of a failure, shortened; null: there is none.</summary>
    public string? FirstFailure { get; private set; }

    public override string ToString() => string.Join(Environment.NewLine, _lines);

    private void Keep(string? line)
    {
        if (line is null)
            return;
        if (line.Contains(" fail: ", StringComparison.Ordinal) || line.Contains(" crit: ", StringComparison.Ordinal)
            || line.Contains("Unhandled exception", StringComparison.Ordinal))
        {
            FirstFailure ??= line[..Math.Min(line.Length, LongestLine)];
        }

        _lines.Enqueue(line);
        while (_lines.Count > LinesKept)
            _lines.TryDequeue(out _);
    }
}
