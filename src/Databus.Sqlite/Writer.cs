using Databus.Storage;
using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace Databus.Sqlite;

/// <summary>
/// The one place that writes. A thread of its own takes everything that waits, runs it in one transaction,
/// commits it with one fsync, and only then answers. While it commits, the next batch gathers: nobody waits
/// for a timer, and the busier it is the more operations share an fsync.
/// </summary>
/// <remarks>
/// <para>An operation that throws does not take its neighbours with it: the transaction is rolled back and each
/// operation runs again in a transaction of its own.</para>
/// <para>A full disk (P9): what adds is refused, what works on data that is there goes on with the space of the
/// reserve, and the state ends by itself once the reserve can be kept again.</para>
/// <para>A failure that leaves open what is on disk (P10): nothing is answered with success any more, all that
/// waits fails, and the owner is told, who ends the process.</para>
/// </remarks>
internal sealed class Writer : IDisposable
{
    private const int MaxRowsPerTransaction = 4096;
    private const long PagesBetweenCheckpoints = 4000;
    private const long PagesBetweenCheckpointsOnFullDisk = 100;

    /// <summary>About 32 MiB: then the log starts over, even if the writer has to wait a moment for those who read it.</summary>
    private const long MostFramesInLog = 8000;
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FullDiskRetry = TimeSpan.FromMilliseconds(250);

    private readonly Thread _thread;
    private readonly DataDirectory _directory;
    private readonly TimeProvider _time;
    private readonly int _maxWaitingRows;
    private readonly Action<Exception> _failed;

    // Shared with the callers, under the lock.
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _work = new(0);
    private Queue<WriteOperation> _waiting = new();
    private int _waitingRows;
    private bool _closed;
    private Exception? _failure;

    // The thread's own.
    private readonly Connection _connection;
    private readonly WriteSession _session;
    private readonly List<WriteOperation> _batch = [];
    private bool _diskFull;
    private long _diskFullCheckedAt;
    private long _pagesAtCheckpoint;
    private long _fileSeenAt;

    public Writer(DataDirectory directory, TimeProvider time, int maxWaitingRows, Action<Exception> failed)
    {
        _directory = directory;
        _time = time;
        _maxWaitingRows = maxWaitingRows;
        _failed = failed;
        _connection = Connection.OpenWriter(directory.DatabaseFile);
        _session = new WriteSession(_connection, time);
        _thread = new Thread(Loop) { IsBackground = true, Name = "Databus writer" };
    }

    public bool IsDiskFull => Volatile.Read(ref _diskFull);

    /// <summary>Uses the connection before the thread does.</summary>
    public void Prepare(Action<WriteSession> work) => work(_session);

    public void Start()
    {
        _directory.TryKeepReserve();
        _thread.Start();
    }

    /// <summary>
    /// Does the work in a transaction. The task ends after the commit is on disk. The work may run more than
    /// once and must not touch anything but the session.
    /// </summary>
    /// <exception cref="StoreException">Too much waits, the disk is full, or the writer stopped.</exception>
    public Task<T> RunAsync<T>(Func<WriteSession, T> work, SpaceNeed need, CancellationToken cancellationToken, int rows = 1)
    {
        var operation = new WriteOperation<T>(work, need, rows, cancellationToken);
        lock (_gate)
        {
            if (_closed)
                return Task.FromException<T>(SqliteErrors.Stopped(_failure));

            // A single operation larger than the limit passes when nothing else waits.
            if (_waitingRows + rows > _maxWaitingRows && _waitingRows > 0)
            {
                return Task.FromException<T>(new StoreException(
                    StoreProblem.Busy, $"{_waitingRows} rows already wait to be written, {_maxWaitingRows} may."));
            }

            _waiting.Enqueue(operation);
            _waitingRows += rows;
            if (_waiting.Count == 1)
                _work.Release();
        }

        return operation.Result;
    }

    /// <summary>Writes what waits, then ends.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_closed)
            {
                _closed = true;
                _work.Release();
            }
        }

        if (_thread.IsAlive)
            _thread.Join();
        _connection.Dispose();
        _work.Dispose();
    }

    private void Loop()
    {
        try
        {
            while (true)
            {
                StopIfFileIsGone();
                if (!_work.Wait(IdleTime))
                {
                    CheckpointIfAbove(0);
                    continue;
                }

                // From here on the batch is ours alone: each operation in it is answered below, whatever happens.
                var more = TakeBatch();
                if (_batch.Count == 0)
                {
                    CheckpointIfAbove(0);
                    return;
                }

                WriteBatch();
                _batch.Clear();
                if (more)
                    Wake();
                CheckpointIfAbove(_diskFull ? PagesBetweenCheckpointsOnFullDisk : PagesBetweenCheckpoints);
            }
        }
        catch (Exception error)
        {
            Stop(error);
        }
    }

    private void Wake()
    {
        lock (_gate)
            _work.Release();
    }

    /// <summary>Moves what waits into the batch, up to the limit. True: more waits, and nobody else will signal it.</summary>
    private bool TakeBatch()
    {
        lock (_gate)
        {
            var rows = 0;
            while (_waiting.TryPeek(out var next) && (rows == 0 || rows + next.Rows <= MaxRowsPerTransaction))
            {
                _waiting.Dequeue();
                _waitingRows -= next.Rows;
                rows += next.Rows;
                _batch.Add(next);
            }

            return _waiting.Count > 0 || (_closed && _batch.Count > 0);
        }
    }

    private void WriteBatch()
    {
        RefuseWhatCannotRun();
        if (_batch.Count == 0)
            return;

        try
        {
            Begin();
            foreach (var operation in _batch)
                operation.Run(_session);
            Commit();
        }
        catch (Exception error)
        {
            if (!TryRollback(error))
                throw;
            if (_batch.Count == 1 && !IsDiskFullError(error))
                _batch[0].Fail(error);
            else
                WriteOneByOne();
            return;
        }

        Answer(_batch);
    }

    /// <summary>After a rollback: finds the guilty one, and lets the others through.</summary>
    private void WriteOneByOne()
    {
        foreach (var operation in _batch)
        {
            if (_diskFull && operation.Need == SpaceNeed.Adds)
            {
                operation.Fail(SqliteErrors.DiskFull());
                continue;
            }

            try
            {
                Begin();
                operation.Run(_session);
                Commit();
            }
            catch (Exception error)
            {
                if (!TryRollback(error))
                    throw;
                operation.Fail(IsDiskFullError(error) ? SqliteErrors.DiskFull(error) : error);
                continue;
            }

            Answer([operation]);
        }
    }

    private void Answer(List<WriteOperation> operations)
    {
        // First what is held in memory follows the commit: whoever has an answer finds what it says.
        _session.Committed();
        foreach (var operation in operations)
            operation.Succeed();
    }

    private void RefuseWhatCannotRun()
    {
        _batch.RemoveAll(operation =>
        {
            if (operation.IsAbandoned)
            {
                operation.Abandon();
                return true;
            }

            if (operation.Need == SpaceNeed.Adds && _diskFull && !HasSpaceReturned())
            {
                operation.Fail(SqliteErrors.DiskFull());
                return true;
            }

            return false;
        });
    }

    private void Begin() => _connection["BEGIN IMMEDIATE"].Run();

    private void Commit() => _connection["COMMIT"].Run();

    /// <summary>Undoes the transaction. False: the failure is fatal, and the loop ends.</summary>
    private bool TryRollback(Exception error)
    {
        if (error is SqliteException sqlite)
        {
            if (SqliteErrors.IsFatal(sqlite))
                return false;
            if (SqliteErrors.IsDiskFull(sqlite))
                EnterDiskFull();
        }

        // Some errors have rolled back already.
        if (sqlite3_get_autocommit(_connection.Link.Handle) == 0)
            _connection["ROLLBACK"].Run();
        _session.RolledBack();
        return true;
    }

    private static bool IsDiskFullError(Exception error) => error is SqliteException sqlite && SqliteErrors.IsDiskFull(sqlite);

    private void EnterDiskFull()
    {
        Volatile.Write(ref _diskFull, true);
        _diskFullCheckedAt = _time.GetTimestamp();
        _directory.ReleaseReserve();
    }

    private bool HasSpaceReturned()
    {
        if (_time.GetElapsedTime(_diskFullCheckedAt) < FullDiskRetry)
            return false;
        _diskFullCheckedAt = _time.GetTimestamp();
        if (!_directory.TryKeepReserve())
            return false;
        Volatile.Write(ref _diskFull, false);
        return true;
    }

    /// <summary>
    /// Moves the log's pages into the database file, on this connection and between transactions only: before
    /// SQLite 3.51.3 two connections that write and make checkpoints at once can corrupt the file.
    /// </summary>
    private void CheckpointIfAbove(long pages)
    {
        var written = PagesWritten();

        // SQLite counts in 31 bits and starts over.
        if (written >= _pagesAtCheckpoint && written - _pagesAtCheckpoint <= pages)
            return;
        try
        {
            // Passive, it waits for nobody; but where somebody always reads, the log would never start over.
            if (FramesInLogAfter("PRAGMA wal_checkpoint(PASSIVE)") > MostFramesInLog)
                FramesInLogAfter("PRAGMA wal_checkpoint(RESTART)");
            _pagesAtCheckpoint = written;
        }
        catch (SqliteException error) when (SqliteErrors.IsDiskFull(error))
        {
            EnterDiskFull();
        }
    }

    /// <summary>
    /// A file that was deleted or replaced can still be written to, and everything in it is gone with the process.
    /// </summary>
    private void StopIfFileIsGone()
    {
        if (_time.GetElapsedTime(_fileSeenAt) < IdleTime)
            return;
        _fileSeenAt = _time.GetTimestamp();
        if (!File.Exists(_directory.DatabaseFile))
            throw new IOException($"The database file {_directory.DatabaseFile} is gone.");
    }

    private long FramesInLogAfter(string checkpoint)
    {
        using var rows = _connection[checkpoint].Rows();
        return rows.Read() ? rows.GetInt64(1) : 0;
    }

    private int PagesWritten()
    {
        sqlite3_db_status(_connection.Link.Handle, SQLITE_DBSTATUS_CACHE_WRITE, out var pages, out _, 0);
        return pages;
    }

    private void Stop(Exception error)
    {
        List<WriteOperation> unanswered;
        lock (_gate)
        {
            _closed = true;
            _failure = error;
            unanswered = [.. _batch, .. _waiting];
            _waiting = new Queue<WriteOperation>();
        }

        // First the owner, who ends the process; then those who wait, whose results are unknown.
        _failed(error);
        var stopped = SqliteErrors.Stopped(error);
        foreach (var operation in unanswered)
            operation.Fail(stopped);
    }
}
