using Databus.Testing;

namespace Databus.StoreSuite.Outbox;

/// <summary>What the classes share that test whole services: a database, the other side, and short words.</summary>
public abstract class OutboxNodeSuite(OutboxHome home) : IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected OutboxHome Home { get; } = home;

    protected Mailbox Box { get; } = new();

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await Home.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected async Task RecordAsync<T>(OutboxNode node, params IEnumerable<T> contents)
        where T : class
    {
        await using var connection = await Home.ConnectAsync();
        await node.Client.RecordManyAsync(connection, contents, Cancellation);
    }

    /// <summary>Whether nothing is pending any more, in good time.</summary>
    protected static Task<bool> IsEmptyAsync(OutboxNode node) =>
        Deadline.WaitAsync(async () => (await node.Client.PendingAsync(Cancellation)).Count == 0, Patience, Cancellation);
}
