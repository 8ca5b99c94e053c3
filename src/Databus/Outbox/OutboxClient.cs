using System.Data.Common;
using System.Text.Json;

namespace Databus.Outbox;

/// <summary>
/// Records messages in the service's own transactions, sends on demand what waits, and looks after what gave up. A message leaves if
/// and only if its outermost transaction has committed (P7), at least once, and right after the commit.
/// </summary>
public sealed class OutboxClient
{
    private readonly IOutboxStore _store;
    private readonly OutboxTypes _types;
    private readonly OutboxSends _sends;
    private readonly UnsettledTransactions _unsettled;
    private readonly OutboxFlush _flush;
    private readonly OutboxOptions _options;

    internal OutboxClient(
        IOutboxStore store, OutboxTypes types, OutboxSends sends, UnsettledTransactions unsettled, OutboxFlush flush, OutboxOptions options)
    {
        _store = store;
        _types = types;
        _sends = sends;
        _unsettled = unsettled;
        _flush = flush;
        _options = options;
    }

    /// <summary>The names of the types that this process knows.</summary>
    public IReadOnlyList<string> Types => [.. _types.All.Select(type => type.Name)];

    /// <summary>Records a message in a transaction. It is sent after the outermost commit, and is gone with a rollback.</summary>
    /// <param name="id">
    /// The id its receivers know it by. Where the transaction may be run again after a commit whose answer was lost, it is made outside of
    /// what is run again: two that were recorded have one id then, and receivers that know ids handle it once (P8). That nothing is
    /// recorded twice, only a unique row of the service's own in the same transaction sees to: the outbox forgets what it has sent.
    /// Default: a new one.
    /// </param>
    /// <returns>The message's id.</returns>
    /// <exception cref="InvalidOperationException">Messages of this type are not known, or the transaction has ended.</exception>
    /// <exception cref="ArgumentException">Its order key is too long.</exception>
    /// <exception cref="DbException">As the driver throws it; the transaction is the caller's.</exception>
    public Task<Guid> RecordAsync<T>(DbTransaction transaction, T message, Guid? id = null, CancellationToken cancellationToken = default)
        where T : notnull =>
        RecordAsync(ConnectionOf(transaction), transaction, message, id, cancellationToken);

    /// <summary>Records a message within an ambient transaction (<c>TransactionScope</c>) or, where there is none, in one of its own.</summary>
    /// <inheritdoc cref="RecordAsync{T}(DbTransaction, T, Guid?, CancellationToken)"/>
    public Task<Guid> RecordAsync<T>(DbConnection connection, T message, Guid? id = null, CancellationToken cancellationToken = default)
        where T : notnull =>
        RecordAsync(connection, transaction: null, message, id, cancellationToken);

    /// <summary>Records many messages of one type at once, in the order given.</summary>
    /// <returns>The messages' ids, in the order given.</returns>
    /// <inheritdoc cref="RecordAsync{T}(DbTransaction, T, Guid?, CancellationToken)"/>
    public Task<IReadOnlyList<Guid>> RecordManyAsync<T>(
        DbTransaction transaction, IEnumerable<T> messages, CancellationToken cancellationToken = default)
        where T : notnull =>
        RecordManyAsync(ConnectionOf(transaction), transaction, messages, cancellationToken);

    /// <summary>Records many messages of one type at once, within an ambient transaction or in one of its own.</summary>
    /// <inheritdoc cref="RecordManyAsync{T}(DbTransaction, IEnumerable{T}, CancellationToken)"/>
    public Task<IReadOnlyList<Guid>> RecordManyAsync<T>(
        DbConnection connection, IEnumerable<T> messages, CancellationToken cancellationToken = default)
        where T : notnull =>
        RecordManyAsync(connection, transaction: null, messages, cancellationToken);

    /// <summary>
    /// Tells that a transaction, which may still be open, has put messages into the outbox table by other means than this client.
    /// They are then sent right after its commit; without it they are found by the poll, once a second. On SQLite every commit is seen,
    /// and nobody needs to tell.
    /// </summary>
    /// <param name="transaction">PostgreSQL's id of the outermost transaction: the column <c>transaction</c> of the rows.</param>
    /// <param name="lowestId">The lowest id of the rows.</param>
    public void Recorded(ulong transaction, long lowestId) => _unsettled.Add(transaction, lowestId);

    /// <summary>
    /// Sends what is pending, also what waits for its next attempt, and nobody else is sending: batch by batch, each type's own sender.
    /// Each message is sent once at most. Ends when it has seen everything.
    /// </summary>
    /// <returns>How many were sent.</returns>
    /// <exception cref="OutboxFlushException">Some could not be sent; the others were.</exception>
    /// <exception cref="ArgumentException">A type is not known, or has no sender in this process.</exception>
    public Task<int> FlushAsync(FlushOptions? options = null, CancellationToken cancellationToken = default) =>
        _flush.RunAsync(options ?? new(), workers: 1, cancellationToken);

    /// <summary>The same with several batches under way at once (<see cref="FlushOptions.Workers"/>).</summary>
    /// <inheritdoc cref="FlushAsync"/>
    public Task<int> FlushManyAsync(FlushOptions? options = null, CancellationToken cancellationToken = default) =>
        _flush.RunAsync(options ?? new(), options?.Workers ?? new FlushOptions().Workers, cancellationToken);

    /// <summary>
    /// Sends what is pending strictly in the order of recording, type by type, one at a time, and stops at the first that cannot be sent.
    /// Waits for what others are sending of the type, and nobody else sends of it meanwhile.
    /// </summary>
    /// <returns>How many were sent.</returns>
    /// <exception cref="OutboxFlushException">One could not be sent; nothing after it was.</exception>
    /// <exception cref="ArgumentException">A type is not known, or has no sender in this process.</exception>
    public Task<int> FlushOrderedAsync(FlushOptions? options = null, CancellationToken cancellationToken = default) =>
        _flush.RunInOrderAsync(options ?? new(), cancellationToken);

    /// <summary>What waits, by type; a type with nothing at all is left out.</summary>
    public async Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken = default) =>
        await (await OpenAsync(cancellationToken)).PendingAsync(cancellationToken);

    /// <summary>What gave up, in the order of ids.</summary>
    /// <param name="types">Null: of all types.</param>
    /// <param name="limit">1 to 1000.</param>
    /// <exception cref="ArgumentOutOfRangeException">The limit is out of range.</exception>
    public async Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types = null, long after = 0, int limit = 100, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        return await (await OpenAsync(cancellationToken)).ListParkedAsync(types, after, limit, cancellationToken);
    }

    /// <summary>Parked messages become pending again, with all attempts before them and the place in the order that they had. Returns how many.</summary>
    public async Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken = default)
    {
        var count = ids.Count == 0 ? 0 : await (await OpenAsync(cancellationToken)).ReplayAsync(ids, cancellationToken);
        if (count > 0)
            _unsettled.Committed(ids.Min());
        return count;
    }

    /// <summary>Removes parked messages for good, with their contents. Returns how many.</summary>
    public async Task<int> SkipAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken = default)
    {
        var count = ids.Count == 0 ? 0 : await (await OpenAsync(cancellationToken)).SkipAsync(ids, _sends.DeleteContentsAsync, cancellationToken);

        // What waited behind them for their keys may be anywhere.
        if (count > 0)
            _unsettled.Committed(lowestId: 0);
        return count;
    }

    /// <summary>Gives a parked message another content. False: it is not parked.</summary>
    /// <exception cref="JsonException">The content does not fit the message's type.</exception>
    /// <exception cref="InvalidOperationException">
    /// Messages of this type have their contents in a table of their own: there it is changed, and the outbox only refers to it.
    /// </exception>
    public async Task<bool> EditAsync(long id, ReadOnlyMemory<byte> json, CancellationToken cancellationToken = default)
    {
        var store = await OpenAsync(cancellationToken);
        var found = await store.ListParkedAsync(types: null, id - 1, limit: 1, cancellationToken);
        if (found.Count == 0 || found[0].Id != id)
            return false;
        if (_types.Find(found[0].Type) is { } type)
            Check(type, json.Span);
        else
            JsonDocument.Parse(json).Dispose();
        return await store.EditAsync(id, json.ToArray(), cancellationToken);
    }

    private static void Check(OutboxType type, ReadOnlySpan<byte> json)
    {
        if (type.HasContents)
            throw new InvalidOperationException($"Messages \"{type.Name}\" have their contents in a table of their own: it is changed there.");
        type.Check(json);
    }

    private static DbConnection ConnectionOf(DbTransaction transaction) =>
        transaction.Connection ?? throw new InvalidOperationException("The transaction has ended.");

    private async Task<Guid> RecordAsync<T>(DbConnection connection, DbTransaction? transaction, T message, Guid? id, CancellationToken cancellationToken)
        where T : notnull
    {
        var described = _types.Of(typeof(T)).Describe(message, id ?? Guid.CreateVersion7());
        await RecordAsync(connection, transaction, [described], cancellationToken);
        return described.Id;
    }

    private async Task<IReadOnlyList<Guid>> RecordManyAsync<T>(
        DbConnection connection, DbTransaction? transaction, IEnumerable<T> messages, CancellationToken cancellationToken)
        where T : notnull
    {
        var type = _types.Of(typeof(T));
        var described = messages.Select(message => type.Describe(message, Guid.CreateVersion7())).ToList();
        if (described.Count > 0)
            await RecordAsync(connection, transaction, described, cancellationToken);
        return described.ConvertAll(one => one.Id);
    }

    private async Task RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken)
    {
        var record = await _store.RecordAsync(connection, transaction, messages, cancellationToken);

        // Also without a transaction that we know of: the connection may have one.
        if (record.Transaction is { } watched)
            _unsettled.Add(watched, record.LowestId);
    }

    private async Task<IOutboxStore> OpenAsync(CancellationToken cancellationToken)
    {
        // Where no host has started, as in a command.
        await _store.OpenAsync(_options.Migrate, cancellationToken);
        return _store;
    }
}
