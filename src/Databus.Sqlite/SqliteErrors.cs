using Databus.Storage;
using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace Databus.Sqlite;

/// <summary>What an error of SQLite means for what we may still promise.</summary>
internal static class SqliteErrors
{
    /// <summary>The WAL's index could not grow: the same full disk, reported as an I/O error.</summary>
    private const int IoErrorShmSize = SQLITE_IOERR | (19 << 8);

    public static bool IsDiskFull(SqliteException error) =>
        error.SqliteErrorCode == SQLITE_FULL || error.SqliteExtendedErrorCode == IoErrorShmSize;

    /// <summary>
    /// After these nobody can say what is on disk: an I/O error of any kind (a failed fsync among them, after
    /// which SQLite would go on answering later commits), a corrupt file, no memory, a file that changed under us.
    /// </summary>
    public static bool IsFatal(SqliteException error) =>
        !IsDiskFull(error) && error.SqliteErrorCode is
            SQLITE_IOERR or SQLITE_CORRUPT or SQLITE_NOTADB or SQLITE_NOMEM or SQLITE_CANTOPEN
            or SQLITE_READONLY or SQLITE_PROTOCOL or SQLITE_INTERNAL;

    public static StoreException DiskFull(Exception? inner = null) => new(
        StoreProblem.DiskFull, "The disk is full. Nothing can be added until space returns.", inner);

    public static StoreException Stopped(Exception? cause) => new(
        StoreProblem.Stopped,
        cause is null ? "The store is closed." : $"The store stopped, because it can no longer vouch for what is on disk: {cause.Message}",
        cause);
}
