using System.Data.Common;
using System.Text;
using Databus.Outbox;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>The outbox in the service's own SQLite file.</summary>
internal sealed class SqliteOutbox : IOutboxStore
{
    private const int MostPurgedAtOnce = 1000;

    private readonly OutboxFile _file;
    private readonly OutboxWatch _watch;
    private readonly TimeProvider _time;
    private volatile bool _isOpen;

    public SqliteOutbox(string connectionString, TimeProvider time)
    {
        _file = new OutboxFile(connectionString);
        _watch = new OutboxWatch(_file);
        _time = time;
    }

    public Action<long?>? Woken
    {
        get => _watch.Woken;
        set => _watch.Woken = value;
    }

    private long Now => _time.GetUtcNow().ToColumn();

    public async Task OpenAsync(bool migrate, CancellationToken cancellationToken)
    {
        if (_isOpen)
            return;
        _isOpen = await _file.ReadAsync(
            connection =>
            {
                OutboxSchema.Prepare(connection, migrate);
                return true;
            },
            cancellationToken);
    }

    public Task ListenAsync(CancellationToken cancellationToken)
    {
        _watch.Start();
        return Task.CompletedTask;
    }

    public Task<OutboxRecord> RecordAsync(
        DbConnection connection, DbTransaction? transaction, IReadOnlyList<NewOutboxMessage> messages, CancellationToken cancellationToken) =>
        OutboxRecording.RecordAsync(connection, transaction, messages, cancellationToken);

    public Task<bool> TryHandleAsync(DbConnection connection, DbTransaction? transaction, Guid messageId, CancellationToken cancellationToken) =>
        OutboxRecording.TryHandleAsync(connection, transaction, messageId, Now, cancellationToken);

    /// <summary>Differs because every commit to the file is seen: no transaction is ever named.</summary>
    public Task<IReadOnlyList<SettledTransaction>> SettledAsync(IReadOnlyCollection<ulong> transactions, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SettledTransaction>>([.. transactions.Select(transaction => new SettledTransaction(transaction, IsCommitted: true))]);

    /// <summary>Differs because the other processes see every commit to the file.</summary>
    public Task AnnounceAsync(long lowestId, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<OutboxClaims> ClaimAsync(
        IReadOnlyList<OutboxLook> looks, TimeSpan lease, IReadOnlyCollection<Guid> underWay, CancellationToken cancellationToken) => _file.WriteAsync(
        (connection, _) => Task.FromResult(new OutboxClaiming(connection, Now).Claim(looks, lease, underWay)), cancellationToken);

    public Task<IReadOnlyList<Guid>> RenewAsync(IReadOnlyCollection<Guid> tokens, TimeSpan lease, CancellationToken cancellationToken) => _file.WriteAsync(
        (connection, _) => Task.FromResult<IReadOnlyList<Guid>>([.. tokens.Where(token => connection.Command(
            "UPDATE databus_outbox_claim SET lease_until = $until WHERE token = $token", Now + lease.ToColumn(), token.ToColumn()).Run() == 0)]),
        cancellationToken);

    public Task<IReadOnlyList<Guid>> CompleteAsync(IReadOnlyList<OutboxCompletion> completions, CancellationToken cancellationToken) => _file.WriteAsync(
        async Task<IReadOnlyList<Guid>> (connection, transaction) =>
        {
            var lost = new List<Guid>();
            var completing = new OutboxCompleting(connection, Now);
            foreach (var completion in completions)
            {
                if (!completing.Complete(completion))
                    lost.Add(completion.Token);
                else if (completion.Also is { } also)
                    await also(transaction, cancellationToken);
            }

            return lost;
        },
        cancellationToken);

    public Task<IReadOnlyList<PendingMessages>> PendingAsync(CancellationToken cancellationToken) => _file.ReadAsync<IReadOnlyList<PendingMessages>>(
        connection => connection.Command(
            """
            SELECT type, sum(pending), min(oldest), sum(failing), sum(parked) FROM (
                SELECT type, count(*) AS pending, min(recorded_at) AS oldest, count(due_at) AS failing, 0 AS parked FROM databus_outbox_message GROUP BY type
                UNION ALL
                SELECT type, 0, NULL, 0, count(*) FROM databus_outbox_parked GROUP BY type
            ) GROUP BY type ORDER BY type
            """).Rows(rows => new PendingMessages(
                rows.GetString(0), rows.GetInt64(1), rows.IsDBNull(2) ? null : Times.FromColumn(rows.GetInt64(2)), rows.GetInt64(3), rows.GetInt64(4))),
        cancellationToken);

    public Task<IReadOnlyList<ParkedMessage>> ListParkedAsync(
        IReadOnlyCollection<string>? types, long after, int limit, CancellationToken cancellationToken) => _file.ReadAsync<IReadOnlyList<ParkedMessage>>(
        connection => connection.Command(
            """
            SELECT id, message_id, type, order_key, content, recorded_at, parked_at, attempts, reason, holds_key FROM databus_outbox_parked
            WHERE id > $after AND ($types IS NULL OR type IN (SELECT value FROM json_each($types))) ORDER BY id LIMIT $limit
            """,
            after, types is null ? null : IdList.OfNames(types), limit).Rows(ReadParked),
        cancellationToken);

    public Task<int> ReplayAsync(IReadOnlyCollection<long> ids, CancellationToken cancellationToken) => _file.WriteAsync(
        (connection, _) =>
        {
            var json = IdList.Of(ids);
            var count = connection.Command(
                """
                INSERT INTO databus_outbox_message (id, message_id, type, order_key, content, trace_parent, recorded_at, due_at)
                SELECT id, message_id, type, order_key, content, trace_parent, recorded_at, $now FROM databus_outbox_parked
                WHERE id IN (SELECT value FROM json_each($ids))
                """,
                Now, json).Run();
            connection.Command("DELETE FROM databus_outbox_parked WHERE id IN (SELECT value FROM json_each($ids))", json).Run();
            return Task.FromResult(count);
        },
        cancellationToken);

    public Task<int> SkipAsync(
        IReadOnlyCollection<long> ids, Func<DbTransaction, IReadOnlyList<ParkedMessage>, CancellationToken, Task>? also, CancellationToken cancellationToken) =>
        _file.WriteAsync(
            async (connection, transaction) =>
            {
                var skipped = connection.Command(
                    """
                    DELETE FROM databus_outbox_parked WHERE id IN (SELECT value FROM json_each($ids))
                    RETURNING id, message_id, type, order_key, content, recorded_at, parked_at, attempts, reason, holds_key
                    """,
                    IdList.Of(ids)).Rows(ReadParked);
                if (also is not null && skipped.Count > 0)
                    await also(transaction, skipped, cancellationToken);
                return skipped.Count;
            },
            cancellationToken);

    public Task<bool> EditAsync(long id, byte[] content, CancellationToken cancellationToken) => _file.WriteAsync(
        (connection, _) => Task.FromResult(connection.Command(
            "UPDATE databus_outbox_parked SET content = $content WHERE id = $id", Encoding.UTF8.GetString(content), id).Run() == 1),
        cancellationToken);

    public Task<PurgeStep> PurgeStepAsync(TimeSpan keepHandledFor, CancellationToken cancellationToken) => _file.WriteAsync(
        (connection, _) =>
        {
            var removed = connection.Command(
                "DELETE FROM databus_outbox_sent WHERE id IN (SELECT id FROM databus_outbox_sent WHERE keep_until <= $now ORDER BY keep_until LIMIT $most)",
                Now, MostPurgedAtOnce).Run();
            removed += connection.Command(
                """
                DELETE FROM databus_outbox_inbox WHERE message_id IN (
                    SELECT message_id FROM databus_outbox_inbox WHERE handled_at < $before ORDER BY handled_at LIMIT $most)
                """,
                Now - keepHandledFor.ToColumn(), MostPurgedAtOnce).Run();
            return Task.FromResult(new PurgeStep(removed, removed >= MostPurgedAtOnce));
        },
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _watch.DisposeAsync();
        await _file.DisposeAsync();
    }

    private static ParkedMessage ReadParked(SqliteDataReader rows) => new(
        rows.GetInt64(0), Guid.Parse(rows.GetString(1)), rows.GetString(2), rows.Text(3), Encoding.UTF8.GetBytes(rows.GetString(4)),
        Times.FromColumn(rows.GetInt64(5)), Times.FromColumn(rows.GetInt64(6)), rows.GetInt32(7), rows.GetString(8), rows.GetBoolean(9));
}
