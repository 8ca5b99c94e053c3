namespace Databus.Outbox;

/// <summary>Sends on demand.</summary>
internal sealed class OutboxFlush
{
    public Task<int> RunAsync(FlushOptions options, int workers, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<int> RunInOrderAsync(FlushOptions options, CancellationToken cancellationToken) => throw new NotSupportedException();
}
