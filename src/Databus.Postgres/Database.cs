using System.Diagnostics;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// The connections of this node, and what every use of one has in common: errors in the engine's words, another try
/// where that is safe, and the database's clock.
/// </summary>
internal sealed class Database : IAsyncDisposable
{
    private const int ConflictTries = 6;

    private readonly PostgresStoreOptions _options;
    private NpgsqlDataSource _source;
    private long _clockOffset;
    private bool _isClosed;

    public Database(PostgresStoreOptions options)
    {
        _options = options;
        _source = Connect(prepares: true);
        _clockOffset = DateTimeOffset.UnixEpoch.Ticks;
        Learn(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());
    }

    /// <summary>Called when a connection broke: what was known about the database may hold no longer.</summary>
    public Action? Broken { get; set; }

    /// <summary>The time given to SQL: null lets the database's clock decide.</summary>
    public long? GivenTime => _options.Clock?.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The database's time, as well as it is known here.</summary>
    public DateTimeOffset Now => _options.Clock?.GetUtcNow()
        ?? DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _clockOffset) + Uptime());

    /// <summary>The database said that this is the time.</summary>
    public void Learn(long now) => Volatile.Write(ref _clockOffset, now - Uptime());

    /// <summary>
    /// Behind a pooler that gives each transaction another connection nothing may be prepared, and nothing said about
    /// the session holds.
    /// </summary>
    public async Task UsePoolerAsync()
    {
        await using var before = _source;
        _source = Connect(prepares: false);
    }

    /// <summary>A connection outside the pool, for whoever keeps it for long.</summary>
    public async Task<NpgsqlConnection> OpenOwnAsync(CancellationToken cancellationToken)
    {
        var builder = Describe();
        builder.Pooling = false;
        builder.KeepAlive = 5;
        var connection = new NpgsqlConnection(builder.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Reads, and reads once more when the connection turns out to be broken.</summary>
    public async Task<T> ReadAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await UseAsync(work, cancellationToken);
            }
            catch (Exception error) when (tries <= 2 && PostgresErrors.IsBroken(error) && !cancellationToken.IsCancellationRequested)
            {
                NoteBroken();
            }
            catch (Exception error) when (error is not StoreException && PostgresErrors.Translate(error) is not null)
            {
                NoteIfBroken(error);
                throw PostgresErrors.Translate(error)!;
            }
        }
    }

    /// <summary>
    /// Writes. Done again only after a conflict, when it is certain that nothing happened. What was sent is waited
    /// for, so that whoever gives up does not leave an outcome that nobody knows.
    /// </summary>
    public async Task<T> WriteAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        for (var tries = 1; ; tries++)
        {
            try
            {
                return await UseAsync(work, CancellationToken.None);
            }
            catch (Exception error) when (tries < ConflictTries && PostgresErrors.IsConflict(error))
            {
                await Task.Delay(Random.Shared.Next(1, 10 * tries), CancellationToken.None);
            }
            catch (Exception error) when (error is not StoreException && PostgresErrors.Translate(error) is not null)
            {
                NoteIfBroken(error);
                throw PostgresErrors.Translate(error)!;
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _isClosed = true;
        await _source.DisposeAsync();
    }

    private static long Uptime() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    private async Task<T> UseAsync<T>(Func<NpgsqlConnection, Task<T>> work, CancellationToken cancellationToken)
    {
        if (_isClosed)
            throw PostgresErrors.Stopped();
        await using var connection = await _source.OpenConnectionAsync(cancellationToken);
        return await work(connection);
    }

    private void NoteIfBroken(Exception error)
    {
        if (PostgresErrors.IsBroken(error))
            NoteBroken();
    }

    private void NoteBroken()
    {
        // The others in the pool are most likely broken as well: better to connect anew than to fail one by one.
        if (!_isClosed)
            _source.Clear();
        Broken?.Invoke();
    }

    private NpgsqlDataSource Connect(bool prepares)
    {
        var builder = Describe();
        builder.MaxPoolSize = _options.MaxConnections;
        builder.MaxAutoPrepare = prepares ? 100 : 0;
        builder.AutoPrepareMinUsages = 2;

        // Nothing is ever said about a session, so there is nothing to take back.
        builder.NoResetOnClose = true;
        return NpgsqlDataSource.Create(builder.ConnectionString);
    }

    private NpgsqlConnectionStringBuilder Describe() => new(_options.ConnectionString)
    {
        ApplicationName = "databus",
        CommandTimeout = (int)Math.Ceiling(_options.CommandTimeout.TotalSeconds),
        Timeout = 10,
        TcpKeepAlive = true,
        TcpKeepAliveTime = 5,
        TcpKeepAliveInterval = 2,
        Enlist = false,
        IncludeErrorDetail = false,
    };
}
