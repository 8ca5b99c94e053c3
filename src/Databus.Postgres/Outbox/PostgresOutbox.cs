using System.Data.Common;
using Databus.Outbox;
using Databus.Storage;
using Microsoft.Extensions.Logging;

namespace Databus.Postgres.Outbox;

/// <summary>The outbox in the service's own PostgreSQL database. Each verb's SQL stands in the part that it is handed to.</summary>
internal sealed class PostgresOutbox : IOutboxStore
{
    private readonly OutboxDatabase _database;
    private readonly OutboxNeighbours _neighbours;
    private readonly OutboxClaiming _claiming;
    private readonly OutboxCompleting _completing;
    private readonly OutboxListing _listing;
    private readonly SemaphoreSlim _opening = new(1, 1);
    private volatile bool _isOpen;

    public PostgresOutbox(OutboxDatabase database, ILogger<PostgresOutbox> logger)
    {
        _database = database;
        _neighbours = new OutboxNeighbours(database, logger);
        _claiming = new OutboxClaiming(database);
        _completing = new OutboxCompleting(database);
        _listing = new OutboxListing(database);
    }

    public Action<long?>? Woken
    {
        get => _neighbours.Woken;
        set => _neighbours.Woken = value;
    }

    public async Task OpenAsync(bool migrate, CancellationToken cancellationToken)
    {
        if (_isOpen)
            return;
        await _opening.WaitAsync(cancellationToken);
        try
        {
            if (_isOpen)
                return;
            await _database.UseAsync(connection => Schema.Outbox.PrepareAsync(connection, migrate, cancellationToken), cancellationToken);
            await _database.UseSessionsAsync(cancellationToken);
            _isOpen = true;
        }
        finally
        {
            _opening.Release();
        }
    }

    public Task ListenAsync(CancellationToken cancellationToken) => _neighbours.ListenAsync(cancellationToken);

    public Task<OutboxRecord> RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken) =>
        messages.Count == 1
            ? OutboxRecording.RecordOneAsync(connection, transaction, messages[0], cancellationToken)
            : OutboxRecording.RecordManyAsync(connection, transaction, messages, cancellationToken);

    public Task<bool> TryHandleAsync(DbConnection connection, DbTransaction? transaction, Guid messageId, CancellationToken cancellationToken) =>
        OutboxRecording.TryHandleAsync(connection, transaction, messageId, cancellationToken);

    public Task<IReadOnlyList<SettledTransaction>> SettledAsync(IReadOnlyCollection<ulong> transactions, CancellationToken cancellationToken) =>
        _neighbours.SettledAsync(transactions, cancellationToken);

    public Task AnnounceAsync(long lowestId, CancellationToken cancellationToken) => _neighbours.AnnounceAsync(lowestId, cancellationToken);

    public Task<OutboxClaims> ClaimAsync(
        IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken) =>
        _claiming.ClaimAsync(looks, lease, underWay, cancellationToken);

    public Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyCollection<Guid> tokens, TimeSpan lease, CancellationToken cancellationToken) =>
        _completing.RenewAsync(tokens, lease, cancellationToken);

    public Task<IReadOnlyList<Guid>> CompleteAsync(IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken) =>
        _completing.CompleteAsync(completions, cancellationToken);

    public Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken) => _listing.PendingAsync(cancellationToken);

    public Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types, long after, int limit, CancellationToken cancellationToken) =>
        _listing.ListParkedAsync(types, after, limit, cancellationToken);

    public Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) => _completing.ReplayAsync(ids, cancellationToken);

    public Task<int> SkipAsync(
        IReadOnlyCollection<long> ids, Func<DbTransaction, IReadOnlyList<ParkedMessage>, CancellationToken, Task>? also, CancellationToken cancellationToken) =>
        _completing.SkipAsync(ids, also, cancellationToken);

    public Task<bool> EditAsync(long id, byte[] content, CancellationToken cancellationToken) => _listing.EditAsync(id, content, cancellationToken);

    public Task<PurgeStep> PurgeStepAsync(TimeSpan keepHandledFor, CancellationToken cancellationToken) =>
        _listing.PurgeStepAsync(keepHandledFor, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _neighbours.DisposeAsync();
        await _database.DisposeAsync();
        _opening.Dispose();
    }
}
