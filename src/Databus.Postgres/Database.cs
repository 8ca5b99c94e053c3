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

    /// <summary>In ms. What is answered faster than this says the time well enough.</summary>
    private const long QuickAnswer = 500;

    private readonly PostgresStoreOptions _options;
    private NpgsqlDataSource _source;
    private readonly Lock _clock = new();
    private long _clockOffset;
    private long _clockError = long.MaxValue;
    private bool _isClosed;

    public Database(PostgresStoreOptions options)
    {
        _options = options;
        _source = Connect(ownsSessions: false);
        _clockOffset = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() - Uptime();
    }

    /// <summary>Called when a connection broke: what was known about the database may hold no longer.</summary>
    public Action? Broken { get; set; }

    /// <summary>The time given to SQL: null lets the database's clock decide.</summary>
    public long? GivenTime => _options.Clock?.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The database's time, as well as it is known here.</summary>
    public DateTimeOffset Now => _options.Clock?.GetUtcNow()
        ?? DateTimeOffset.FromUnixTimeMilliseconds(Volatile.Read(ref _clockOffset) + Uptime());

    /// <summary>Milliseconds that pass whatever is done to the clock.</summary>
    public static long Uptime() => Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000);

    /// <summary>
    /// The database said that this is the time. An answer that was long under way, or lay unread while the process stood
    /// still, is old by now and takes the place of no better one.
    /// </summary>
    /// <param name="asked">The <see cref="Uptime"/> when it was asked.</param>
    public void Learn(long now, long asked)
    {
        lock (_clock)
        {
            var uptime = Uptime();
            if (uptime - asked > Math.Max(QuickAnswer, _clockError))
                return;
            _clockError = uptime - asked;
            Volatile.Write(ref _clockOffset, now - uptime);
        }
    }

    /// <summary>
    /// No pooler is in between: statements may be prepared, and what is said about a session holds. Behind a pooler that
    /// gives each transaction another connection neither is so.
    /// </summary>
    public async Task UseSessionsAsync()
    {
        await using var before = _source;
        _source = Connect(ownsSessions: true);
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

    private NpgsqlDataSource Connect(bool ownsSessions)
    {
        var builder = Describe();
        builder.MaxPoolSize = _options.MaxConnections;
        if (ownsSessions)
        {
            builder.MaxAutoPrepare = 100;
            builder.AutoPrepareMinUsages = 2;

            // A plan that was prepared while a table was small would go on reading all of it once it is large. Whatever is
            // done again and again here has an index to go by, and goes along it: a bitmap holds all that could be taken, and then
            // sorts it, where the first few are wanted. And one plan serves all values: weighing them anew each time, or
            // compiling to machine code what takes a tenth of a millisecond, costs more than it gives.
            builder.Options = "-c enable_seqscan=off -c enable_bitmapscan=off -c plan_cache_mode=force_generic_plan -c jit=off";
        }

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
