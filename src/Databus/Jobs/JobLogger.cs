using Microsoft.Extensions.Logging;

namespace Databus.Jobs;

/// <summary>Writes to the program's log and to the job's.</summary>
internal sealed class JobLogger(JobContext context, ILogger program) : ILogger
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => program.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => IsForJob(logLevel) || program.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        program.Log(logLevel, eventId, state, exception, formatter);
        if (!IsForJob(logLevel))
            return;
        var text = formatter(state, exception);
        context.Log(logLevel, exception is null ? text : $"{text}\n{exception}");
    }

    private static bool IsForJob(LogLevel level) => level is >= LogLevel.Information and < LogLevel.None;
}
