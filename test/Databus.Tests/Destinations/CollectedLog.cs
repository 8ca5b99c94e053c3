using System.Collections.Concurrent;
using Databus.Destinations;
using Microsoft.Extensions.Logging;

namespace Databus.Tests.Destinations;

/// <summary>What the dispatcher logged.</summary>
internal sealed class CollectedLog : ILogger<Dispatcher>
{
    public ConcurrentQueue<(int Event, string Message, Exception? Error)> Entries { get; } = new();

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull =>
        null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Entries.Enqueue((eventId.Id, formatter(state, exception), exception));
}
