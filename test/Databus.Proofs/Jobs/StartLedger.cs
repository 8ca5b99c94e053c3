using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Databus.Proofs.Ledgers;

namespace Databus.Proofs.Jobs;

/// <summary>One start of a job.</summary>
internal sealed record JobStart(long Job, int Attempt, string Node, long At)
{
    public long? EndedAt { get; set; }
}

/// <summary>Writes down what the nodes' handlers do, as they do it, outside of all of them.</summary>
internal sealed class StartLedger : IAsyncDisposable
{
    private readonly ConcurrentDictionary<long, List<JobStart>> _starts = new();
    private readonly LineLedger _lines;

    public StartLedger() => _lines = new LineLedger(Write);

    public int Port => _lines.Port;

    /// <summary>In their order.</summary>
    public IReadOnlyList<JobStart> StartsOf(long job)
    {
        if (!_starts.TryGetValue(job, out var starts))
            return [];
        lock (starts)
            return [.. starts];
    }

    /// <summary>The starts on a node that have not ended, as far as it has told, and have not begun again elsewhere.</summary>
    public IReadOnlyList<JobStart> RunningOn(string node) =>
        [.. _starts.Keys.Select(Current).Where(start => start.Node == node && start.EndedAt is null)];

    /// <summary>The starts under way of jobs that were started before.</summary>
    public IReadOnlyList<JobStart> StartedAgain =>
        [.. _starts.Keys.Where(job => StartsOf(job).Count > 1).Select(Current).Where(start => start.EndedAt is null)];

    /// <summary>The one that counts: a zombie may tell of its start when the job has long begun again.</summary>
    private JobStart Current(long job) => StartsOf(job).OrderBy(start => start.Attempt).Last();

    public ValueTask DisposeAsync() => _lines.DisposeAsync();

    private void Write(string[] words)
    {
        var (job, attempt, node) = (long.Parse(words[1], CultureInfo.InvariantCulture), int.Parse(words[2], CultureInfo.InvariantCulture), words[3]);
        var starts = _starts.GetOrAdd(job, static _ => []);
        lock (starts)
        {
            if (words[0] == "start")
                starts.Add(new JobStart(job, attempt, node, Stopwatch.GetTimestamp()));
            else if (starts.FindLast(start => start.Attempt == attempt && start.Node == node) is { } start)
                start.EndedAt = Stopwatch.GetTimestamp();
        }
    }
}
