using System.Transactions;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>The outbox' connections to the service's database, never part of a transaction of the service.</summary>
internal sealed class OutboxDatabase : IAsyncDisposable
{
    private const int ConflictTries = 6;

    private readonly string? _connectionString;
    private NpgsqlDataSource _source;

    /// <summary>Connections of its own.</summary>
    public OutboxDatabase(string connectionString)
    {
        _connectionString = connectionString;
        _source = Connect(connectionString, ownsSessions: false);
    }

    /// <summary>Those of the service.</summary>
    public OutboxDatabase(NpgsqlDataSource source) => _source = source;

    /// <summary>A clock for tests in place of the database's.</summary>
    public TimeProvider? Clock { get; init; }

    /// <summary>The time given to SQL: null lets the database's clock decide.</summary>
    public DateTimeOffset? GivenTime => Clock?.GetUtcNow();

    /// <summary>
    /// Finds out whether a pooler is in between that gives each transaction another connection. Where none is, statements are prepared and go
    /// along the indexes.
    /// </summary>
    /// <exception cref="StoreException">The database failed.</exception>
    public async Task UseSessionsAsync(CancellationToken cancellationToken)
    {
        if (_connectionString is null)
            return;
        var sessions = Connect(_connectionString, ownsSessions: true);
        try
        {
            if (await AreOursAsync(sessions, cancellationToken))
                (sessions, _source) = (_source, sessions);
        }
        catch (Exception error) when (error is not StoreException && PostgresErrors.Translate(error) is not null)
        {
            throw PostgresErrors.Translate(error)!;
        }
        finally
        {
            await sessions.DisposeAsync();
        }
    }

    public async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        // A data source of the service may enlist its connections in an ambient transaction.
        using var none = new TransactionScope(TransactionScopeOption.Suppress, TransactionScopeAsyncFlowOption.Enabled);
        var connection = await _source.OpenConnectionAsync(cancellationToken);
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

    public ValueTask DisposeAsync() => _connectionString is null ? ValueTask.CompletedTask : _source.DisposeAsync();

    private static NpgsqlDataSource Connect(string connectionString, bool ownsSessions)
    {
        var builder = new NpgsqlConnectionStringBuilder(connectionString)
        {
            ApplicationName = "databus-outbox",
            MaxPoolSize = 20,
            Enlist = false,
            TcpKeepAlive = true,
            TcpKeepAliveTime = 5,
            TcpKeepAliveInterval = 2,

            // Nothing is ever said about a session, so there is nothing to take back.
            NoResetOnClose = true,
        };
        if (ownsSessions)
        {
            builder.MaxAutoPrepare = 50;
            builder.AutoPrepareMinUsages = 2;

            // One plan for all values, along the indexes: the table is nearly empty when statistics are taken and may be large a minute later.
            builder.Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan -c jit=off";
        }

        return NpgsqlDataSource.Create(builder.ConnectionString);
    }

    /// <summary>A pooler refuses what is said about a session, or drops it.</summary>
    private static async Task<bool> AreOursAsync(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        try
        {
            await using var command = source.CreateCommand("SHOW enable_seqscan");
            return await command.ExecuteScalarAsync(cancellationToken) is "off";
        }
        catch (PostgresException error) when (error.SqlState == PostgresErrorCodes.ProtocolViolation)
        {
            return false;
        }
    }
}
