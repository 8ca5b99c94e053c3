using System.Transactions;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>The outbox' connections to the service's database, never part of a transaction of the service.</summary>
internal sealed class OutboxDatabase(NpgsqlDataSource source, bool isOwn) : IAsyncDisposable
{
    private const int ConflictTries = 6;

    /// <summary>A clock for tests in place of the database's.</summary>
    public TimeProvider? Clock { get; init; }

    /// <summary>The time given to SQL: null lets the database's clock decide.</summary>
    public DateTimeOffset? GivenTime => Clock?.GetUtcNow();

    public static OutboxDatabase Connect(string connectionString, TimeProvider? clock = null)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "databus-outbox",
            MaxPoolSize = 20,
            Enlist = false,
            MaxAutoPrepare = 50,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true,
            TcpKeepAlive = true,
            TcpKeepAliveTime = 5,
            TcpKeepAliveInterval = 2,

            // One plan for all values, along the indexes: the table is nearly empty when statistics are taken and may be large a minute later.
            Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan -c jit=off",
        };
        return new OutboxDatabase(NpgsqlDataSource.Create(builder.ConnectionString), isOwn: true) { Clock = clock };
    }

    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        // A data source of the service may enlist its connections in an ambient transaction.
        using var none = new TransactionScope(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled);
        var connection = await source.OpenConnectionAsync(cancellationToken);
        none.Complete();
        return connection;
    }

    /// <summary>Uses a connection. Done again after a conflict, when it is certain that nothing happened.</summary>
    /// <exception cref="StoreException">The database failed.</exception>
    public async Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await using var connection = await OpenAsync(cancellationToken);
                return await work(connection);
            }
            catch (Exception error) when (tries < ConflictTries && PostgresErrors.IsConflict(error))
            {
                await Task.Delay(Random.Shared.Next(1, 10 * tries), cancellationToken);
            }
            catch (Exception error) when (error is not StoreException && PostgresErrors.Translate(error) is not null)
            {
                throw PostgresErrors.Translate(error)!;
            }
        }
    }

    public ValueTask DisposeAsync() => isOwn ? source.DisposeAsync() : ValueTask.CompletedTask;
}
