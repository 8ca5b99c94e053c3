using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>What a handler knows of the start of a job that it does, and what it can say meanwhile. Safe for concurrent use.</summary>
public sealed class JobContext
{
    private readonly JobRun _run;
    private readonly Func<string, ILogger> _loggerOf;

    internal JobContext(JobRun run, Func<string, ILogger> loggerOf)
    {
        _run = run;
        _loggerOf = loggerOf;
    }

    public long Id => _run.Claimed.Token.Id;

    /// <summary>The name under which the job is stored; possibly an old one.</summary>
    public string Name => _run.Claimed.Name;

    public string Queue => _run.Claimed.Queue;

    /// <summary>1 at the first start.</summary>
    public int Attempt => _run.Claimed.Attempt;

    /// <summary>The attempt with this number is the last one.</summary>
    public int MaxAttempts => _run.Claimed.MaxAttempts;

    /// <summary>In the store's time.</summary>
    public DateTimeOffset EnqueuedAt => _run.Claimed.EnqueuedAt;

    /// <summary>The arguments as they are stored, UTF-8 JSON.</summary>
    public ReadOnlyMemory<byte> Arguments => _run.Claimed.Arguments;

    /// <summary>Cancelled when the job shall stop; the same that the handler is given.</summary>
    public CancellationToken CancellationToken => _run.Stopped;

    /// <summary>Lines go to the program's log, and from <see cref="LogLevel.Information"/> on to the job's own as well.</summary>
    public ILogger Logger => field ??= new JobLogger(this, _loggerOf($"Databus.Jobs.{Name}"));

    /// <summary>How far it is. Costs nothing worth mentioning, however often: four times a second at most it is kept.</summary>
    /// <param name="progress">From 0 to 1; what is outside counts as the nearer end.</param>
    /// <param name="message">What it is doing now; null: as before. At most 500 characters are kept.</param>
    public void ReportProgress(double progress, string? message = null) =>
        _run.Say(double.IsNaN(progress) ? 0 : Math.Clamp(progress, 0, 1), message);

    /// <summary>
    /// Adds a line to the job's log, which is kept as long as the job: of a line the first 2000 characters, of a job the
    /// last 1000 lines.
    /// </summary>
    public void Log(LogLevel level, string text)
    {
        if (level != LogLevel.None)
            _run.Say((int)level, text);
    }
}
