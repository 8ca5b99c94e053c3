using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>Keeps warnings and errors, for the message of a test that fails.</summary>
internal sealed class Troubles : ILoggerProvider, ILogger
{
    private readonly ConcurrentQueue<string> _lines = new();

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
            _lines.Enqueue($"{formatter(state, exception)} {exception?.Message}");
    }

    public override string ToString() => string.Join(Environment.NewLine, _lines);

    public void Dispose()
    {
        // Nothing is held.
    }
}
