using System.Data.Common;
using Databus.Outbox;
using Databus.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.StoreSuite.Outbox;

/// <summary>Stands before the real store of a node, and tells what it is asked before it passes that on.</summary>
public sealed class OutboxProbe : IOutboxStore
{
    /// <summary>The store behind it.</summary>
    public IOutboxStore Store { get; private set; } = null!;

    /// <summary>Called before the claims of these tokens are renewed. What it throws, the store throws.</summary>
    public Func<IReadOnlyCollection<Guid>, Task> Renewing { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Called before claims are ended. What it throws, the store throws.</summary>
    public Func<IReadOnlyList<OutboxCompletion>, Task> Completing { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Called before a purge. What it throws, the store throws.</summary>
    public Func<Task> Purging { get; set; } = static () => Task.CompletedTask;

    public Action<long?>? Woken
    {
        get => Store.Woken;
        set => Store.Woken = value;
    }

    /// <summary>Goes between a node and its store.</summary>
    public void StandIn(IServiceCollection services)
    {
        var behind = services.Single(service => service.ServiceType == typeof(IOutboxStore));
        services.Remove(behind);
        services.AddSingleton<IOutboxStore>(provider =>
        {
            Store = (IOutboxStore)behind.ImplementationFactory!(provider);
            return this;
        });
    }

    public async Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyCollection<Guid> tokens, TimeSpan lease, CancellationToken cancellationToken)
    {
        await Renewing(tokens);
        return await Store.RenewAsync(tokens, lease, cancellationToken);
    }

    public async Task<IReadOnlyList<Guid>> CompleteAsync(IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken)
    {
        await Completing(completions);
        return await Store.CompleteAsync(completions, cancellationToken);
    }

    public async Task<PurgeStep> PurgeStepAsync(TimeSpan keepHandledFor, CancellationToken cancellationToken)
    {
        await Purging();
        return await Store.PurgeStepAsync(keepHandledFor, cancellationToken);
    }

    public Task OpenAsync(bool migrate, CancellationToken cancellationToken) => Store.OpenAsync(migrate, cancellationToken);

    public Task ListenAsync(CancellationToken cancellationToken) => Store.ListenAsync(cancellationToken);

    public Task<OutboxRecord> RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken) =>
        Store.RecordAsync(connection, transaction, messages, cancellationToken);

    public Task<bool> TryHandleAsync(DbConnection connection, DbTransaction? transaction, Guid messageId, CancellationToken cancellationToken) =>
        Store.TryHandleAsync(connection, transaction, messageId, cancellationToken);

    public Task<IReadOnlyList<SettledTransaction>> SettledAsync(IReadOnlyCollection<ulong> transactions, CancellationToken cancellationToken) =>
        Store.SettledAsync(transactions, cancellationToken);

    public Task AnnounceAsync(long lowestId, CancellationToken cancellationToken) => Store.AnnounceAsync(lowestId, cancellationToken);

    public Task<OutboxClaims> ClaimAsync(
        IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken) =>
        Store.ClaimAsync(looks, lease, underWay, cancellationToken);

    public Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken) => Store.PendingAsync(cancellationToken);

    public Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types, long after, int limit, CancellationToken cancellationToken) =>
        Store.ListParkedAsync(types, after, limit, cancellationToken);

    public Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) => Store.ReplayAsync(ids, cancellationToken);

    public Task<int> SkipAsync(
        IReadOnlyCollection<long> ids, Func<DbTransaction, IReadOnlyList<ParkedMessage>, CancellationToken, Task>? also, CancellationToken cancellationToken) =>
        Store.SkipAsync(ids, also, cancellationToken);

    public Task<bool> EditAsync(long id, byte[] content, CancellationToken cancellationToken) => Store.EditAsync(id, content, cancellationToken);

    public ValueTask DisposeAsync() => Store.DisposeAsync();
}
