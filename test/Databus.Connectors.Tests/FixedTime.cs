namespace Databus.Connectors.Tests;

/// <summary>A clock that stands still; timers run as usual.</summary>
internal sealed class FixedTime(DateTimeOffset now) : TimeProvider
{
    public override DateTimeOffset GetUtcNow() => now;
}
