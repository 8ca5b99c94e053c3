using System.Diagnostics;
using System.Globalization;

namespace Databus.Proofs;

/// <summary>What a proof says while it runs, and whether everything it claims holds. Safe to use from many threads.</summary>
internal sealed class Findings(TextWriter output)
{
    private const int ViolationsPrinted = 30;

    private readonly Lock _gate = new();
    private readonly long _started = Stopwatch.GetTimestamp();
    private int _violations;

    public bool Hold => Volatile.Read(ref _violations) == 0;

    public void Say(string line)
    {
        lock (_gate)
            Write(line);
    }

    /// <summary>A statement that is printed with its truth.</summary>
    public void Claim(bool holds, string claim)
    {
        if (holds)
            Say($"holds     {claim}");
        else
            Violated(claim);
    }

    /// <summary>Something that must not be. The first ones are printed, all are counted.</summary>
    public void Violated(string what)
    {
        lock (_gate)
        {
            if (++_violations <= ViolationsPrinted)
                Write($"VIOLATED  {what}");
        }
    }

    public void Conclude()
    {
        lock (_gate)
            Write(_violations == 0 ? "proved" : $"NOT proved: {_violations} violations");
    }

    private void Write(string line) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{Stopwatch.GetElapsedTime(_started).TotalSeconds,8:0.00} s  {line}"));
}
