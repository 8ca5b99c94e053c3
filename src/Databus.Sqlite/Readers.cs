using System.Collections.Concurrent;

namespace Databus.Sqlite;

/// <summary>
/// The connections that only read, opened as they are needed, at most <paramref name="limit"/>. A read sees
/// all that was committed when it began. Reads are short, so that they never hold up a checkpoint for long.
/// </summary>
internal sealed class Readers(string file, int limit) : IDisposable
{
    private readonly ConcurrentBag<Connection> _idle = [];
    private readonly SemaphoreSlim _free = new(limit);

    public async Task<T> ReadAsync<T>(Func<Connection, T> read, CancellationToken cancellationToken)
    {
        await _free.WaitAsync(cancellationToken);
        try
        {
            if (!_idle.TryTake(out var connection))
                connection = Connection.OpenReader(file);
            try
            {
                return read(connection);
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

    public void Dispose()
    {
        while (_idle.TryTake(out var connection))
            connection.Dispose();
        _free.Dispose();
    }
}
