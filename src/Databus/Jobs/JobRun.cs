using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>Why a handler is told to stop.</summary>
internal enum StopReason
{
    None,

    /// <summary>Somebody wants the job cancelled.</summary>
    Asked,

    TimeLimit,

    /// <summary>The node stops.</summary>
    NodeStops,

    /// <summary>The job may belong to another node by now.</summary>
    Lost,
}

/// <summary>One start of a job on this node, from the claim until its end is kept. Safe for concurrent use.</summary>
internal sealed class JobRun : IDisposable
{
    /// <summary>More of one job are not kept by the store either.</summary>
    private const int MostLines = 1000;
    private const int LongestLine = 2000;
    private const int LongestMessage = 500;

    private readonly JobReports _reports;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();

    private readonly CancellationTokenSource _stop = new();
    private StopReason _reason;
    private long _begunAt;
    private bool _hasEnded;

    // What was said and is not kept yet.
    private bool _isListed;
    private double? _progress;
    private string? _message;
    private List<JobLogLine>? _lines;

    public JobRun(ClaimedJob claimed, long askedAt, JobKind? kind, JobReports reports, TimeProvider time, Func<string, ILogger> loggerOf)
    {
        Claimed = claimed;
        AskedAt = askedAt;
        Kind = kind;
        _reports = reports;
        _time = time;
        Stopped = _stop.Token;
        Context = new JobContext(this, loggerOf);
    }

    public ClaimedJob Claimed { get; }

    /// <summary>When the claim was made that gave it: from then on it counts whether this node is heard of.</summary>
    public long AskedAt { get; }

    /// <summary>Null: nobody here knows its name.</summary>
    public JobKind? Kind { get; }

    public JobContext Context { get; }

    public CancellationToken Stopped { get; }

    /// <summary>Since its handler began; before, none.</summary>
    public TimeSpan Elapsed => Volatile.Read(ref _begunAt) is var begunAt && begunAt == 0 ? TimeSpan.Zero : _time.GetElapsedTime(begunAt);

    /// <summary>Why it was told to stop, first of all.</summary>
    public StopReason Reason
    {
        get
        {
            lock (_gate)
                return _reason;
        }
    }

    public bool HasEnded
    {
        get
        {
            lock (_gate)
                return _hasEnded;
        }
    }

    /// <summary>It has said something at some time, which is kept before its end is.</summary>
    public bool HasSpoken { get; private set; }

    /// <summary>Its handler has come to its end. Under the lock of JobRuns.</summary>
    public bool IsFree { get; set; }

    /// <summary>Its end is kept, or never will be. Under the lock of JobRuns.</summary>
    public bool IsKept { get; set; }

    public void Begin() => Volatile.Write(ref _begunAt, _time.GetTimestamp());

    /// <summary>Tells the handler to stop; does not wait for what it does about it.</summary>
    public void Stop(StopReason reason)
    {
        lock (_gate)
        {
            if (_hasEnded || _reason != StopReason.None)
                return;
            _reason = reason;
        }

        try
        {
            // Not here and now: what the handler does about it is its own time.
            _ = _stop.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It ended in this moment.
        }
    }

    /// <summary>The handler has ended, or is not waited for any more. True the first time: who asked says how it went.</summary>
    public bool TryEnd()
    {
        lock (_gate)
        {
            if (_hasEnded)
                return false;
            _hasEnded = true;
            return true;
        }
    }

    /// <summary>Once the handler has ended.</summary>
    public void Dispose() => _stop.Dispose();

    public void Say(double progress, string? message)
    {
        lock (_gate)
        {
            if (_hasEnded)
                return;
            _progress = progress;
            _message = message is null ? _message : JobText.Fit(message, LongestMessage);
            if (!List())
                return;
        }

        _reports.Add(this);
    }

    public void Say(int level, string text)
    {
        var line = new JobLogLine(_time.GetUtcNow(), Claimed.Attempt, level, JobText.Fit(text, LongestLine));
        lock (_gate)
        {
            if (_hasEnded)
                return;
            _lines ??= [];
            _lines.Add(line);
            ForgetOldest();
            if (!List())
                return;
        }

        _reports.Add(this);
    }

    /// <summary>What has not been kept yet; null: nothing.</summary>
    public JobReport? TakeReport()
    {
        lock (_gate)
        {
            _isListed = false;
            if (_progress is null && _message is null && _lines is null)
                return null;
            var report = new JobReport(Claimed.Token, _progress, _message, _lines ?? []);
            (_progress, _message, _lines) = (null, null, null);
            return report;
        }
    }

    /// <summary>It could not be kept: it comes again, unless something newer was said. True: as the first thing now.</summary>
    public bool PutBack(JobReport report)
    {
        lock (_gate)
        {
            _progress ??= report.Progress;
            _message ??= report.Message;
            if (report.Lines.Count > 0)
                _lines = [.. report.Lines, .. _lines ?? []];
            ForgetOldest();
            return List();
        }
    }

    private bool List()
    {
        HasSpoken = true;
        if (_isListed)
            return false;
        _isListed = true;
        return true;
    }

    private void ForgetOldest()
    {
        // Seldom, and many at once.
        if (_lines?.Count > MostLines * 2)
            _lines.RemoveRange(0, _lines.Count - MostLines);
    }
}
