using System.Collections.Concurrent;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>
/// The connections that only read, opened as they are needed, at most <paramref name="limit"/>. A read sees
/// all that was committed when it began. Reads are short, so that they never hold up a checkpoint for long.
/// </summary>
internal sealed class Readers(string file, int limit, Action<Exception> failed) : IDisposable
{
    private readonly ConcurrentBag<Connection> _idle = [];
    private readonly SemaphoreSlim _free = new(limit);
    private volatile bool _isClosed;

    public async Task<T> ReadAsync<T>(Func<Connection, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            if (_isClosed)
                throw SqliteErrors.Stopped(cause: null);
            var connection = TakeOrOpen();
            try
            {
                return read(connection);
            }
            catch (SqliteException error) when (SqliteErrors.IsFatal(error))
            {
                // A damaged page is no less damaged for having been met by a reader.
                failed(error);
                throw SqliteErrors.Stopped(error);
            }
            catch (SqliteException error)
            {
                throw CannotRead(error);
            }
            finally
            {
                _idle.Add(connection);
            }
        }
        finally
        {
            _free.Release();
        }
    }

    private Connection TakeOrOpen()
    {
        try
        {
            return _idle.TryTake(out var connection) ? connection : Connection.OpenReader(file);
        }
        catch (SqliteException error)
        {
            // Out of file handles, say: nothing that was written is in doubt.
            throw CannotRead(error);
        }
    }

    private static StoreException CannotRead(SqliteException error) =>
        new(StoreProblem.Busy, $"The database could not be read just now: {error.Message}", error);

    /// <summary>Lets the reads that run come to their end. Those that wait, and later ones, find the store closed.</summary>
    public void Dispose()
    {
        _isClosed = true;
        for (var taken = 0; taken < limit; taken++)
            _free.Wait();
        while (_idle.TryTake(out var connection))
            connection.Dispose();
        _free.Release(limit);
    }
}
