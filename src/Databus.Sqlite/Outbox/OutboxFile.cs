using System.Data.Common;
using Databus.Storage;
using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace Databus.Sqlite.Outbox;

/// <summary>
/// The outbox' own connection to the service's file: what it does there takes turns. The service's writers are waited for up to a
/// while, as they wait for us.
/// </summary>
internal sealed class OutboxFile(string connectionString) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private SqliteConnection? _connection;

    /// <summary>Opens a connection with settings that disturb nobody else's.</summary>
    public SqliteConnection Open()
    {
        _ = SqliteLibrary.Version;
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder(connectionString) { Pooling = false, DefaultTimeout = 5 }.ToString());
        try
        {
            connection.Open();

            // Claims need no fsync; what a power cut takes of the ends of sends is sent again. The service's commits are its own affair.
            connection.Command("PRAGMA busy_timeout = 5000; PRAGMA synchronous = NORMAL;").ExecuteNonQuery();
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Reads.</summary>
    /// <exception cref="StoreException">The file cannot be read.</exception>
    public Task<T> ReadAsync<T>(Func<SqliteConnection, T> work, CancellationToken cancellationToken) =>
        UseAsync(connection => Task.FromResult(work(connection)), cancellationToken);

    /// <summary>Writes, in one transaction.</summary>
    /// <exception cref="StoreException">The file cannot be written.</exception>
    public Task<T> WriteAsync<T>(Func<SqliteConnection, DbTransaction, Task<T>> work, CancellationToken cancellationToken) => UseAsync(
        async connection =>
        {
            // BEGIN IMMEDIATE: whoever reads first and writes then could find that somebody else has written meanwhile.
            await using var transaction = connection.BeginTransaction(deferred: false);
            var result = await work(connection, transaction);
            await transaction.CommitAsync(CancellationToken.None);
            return result;
        },
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _turn.WaitAsync();
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = null;
        _turn.Dispose();
    }

    private static StoreException? Translate(Exception error) => error switch
    {
        StoreException store => store,
        SqliteException sqlite when SqliteErrors.IsDiskFull(sqlite) => SqliteErrors.DiskFull(error),
        SqliteException { SqliteErrorCode: SQLITE_BUSY or SQLITE_LOCKED } => new StoreException(StoreProblem.Busy, "Others write to the file.", error),
        SqliteException sqlite when SqliteErrors.IsFatal(sqlite) => new StoreException(StoreProblem.Unavailable, $"The file cannot be used: {error.Message}", error),
        _ => null,
    };

    private async Task<T> UseAsync<T>(Func<SqliteConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            // SQLite blocks its thread.
            return await Task.Run(() => work(_connection ??= Open()), CancellationToken.None);
        }
        catch (Exception error) when (error is not StoreException && Translate(error) is not null)
        {
            throw Translate(error)!;
        }
        finally
        {
            _turn.Release();
        }
    }
}
