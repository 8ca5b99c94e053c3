using System.Globalization;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>What a backup holds.</summary>
public sealed record SqliteBackupReport(string File, long Bytes, long Topics, long Items);

/// <summary>Copies of the database: taken while it is in use, and put back in its place.</summary>
public static class SqliteBackup
{
    /// <summary>
    /// Copies the database as it is at this moment into a new file; a server that uses it goes on. The copy is checked
    /// before it gets its name, so a file of that name is a whole backup.
    /// </summary>
    /// <exception cref="StoreException">There is no database, the file exists, or the copy is not sound.</exception>
    public static SqliteBackupReport Take(string dataDirectory, string file)
    {
        var database = DataDirectory.DatabaseFileIn(Path.GetFullPath(dataDirectory));
        var target = Path.GetFullPath(file);
        if (!File.Exists(database))
            throw Refused($"There is no database in {dataDirectory}.");
        if (File.Exists(target))
            throw Refused($"{file} exists already. A backup overwrites nothing.");

        var unfinished = target + ".unfinished";
        File.Delete(unfinished);
        try
        {
            using (var connection = OpenPlainly(database, SqliteOpenMode.ReadWrite))
            {
                using var copy = connection.CreateCommand();
                copy.CommandText = "VACUUM INTO $file";
                copy.CommandTimeout = 0;
                copy.Parameters.AddWithValue("$file", unfinished);
                copy.ExecuteNonQuery();
            }

            Sync(unfinished);
            var report = Examine(unfinished);
            File.Move(unfinished, target);
            return report with { File = target };
        }
        finally
        {
            File.Delete(unfinished);
        }
    }

    /// <summary>Puts a backup in the database's place. No server may use the folder meanwhile.</summary>
    /// <param name="overwrite">True: also where there is a database, which is then gone.</param>
    /// <exception cref="StoreException">The backup is not sound or newer than this program, or there is a database already.</exception>
    public static SqliteBackupReport Restore(string dataDirectory, string file, bool overwrite)
    {
        if (!File.Exists(file))
            throw Refused($"There is no file {file}.");
        using var directory = DataDirectory.Open(dataDirectory);
        if (File.Exists(directory.DatabaseFile) && !overwrite)
            throw Refused($"There is a database in {dataDirectory} already. To replace it, say so.");

        var report = Examine(file);
        var unfinished = directory.DatabaseFile + ".unfinished";
        File.Copy(file, unfinished, overwrite: true);
        Sync(unfinished);

        // The old log belongs to the old database and would be replayed into the new one.
        File.Delete(directory.WalFile);
        File.Delete(directory.DatabaseFile + "-shm");
        File.Move(unfinished, directory.DatabaseFile, overwrite: true);
        return report with { File = directory.DatabaseFile };
    }

    private static SqliteBackupReport Examine(string file)
    {
        try
        {
            using var connection = OpenPlainly(file, SqliteOpenMode.ReadOnly);
            if (Scalar(connection, "PRAGMA quick_check(1)") is not "ok")
                throw Refused($"{file} is damaged.");
            var version = Convert.ToInt32(Scalar(connection, "PRAGMA user_version"), CultureInfo.InvariantCulture);
            if (version < 1 || version > Schema.Newest)
                throw Refused($"{file} has schema version {version}; this program knows 1 to {Schema.Newest}.");
            return new SqliteBackupReport(
                file,
                new FileInfo(file).Length,
                (long)Scalar(connection, "SELECT count(*) FROM live_topics")!,
                (long)Scalar(connection, "SELECT coalesce(sum(item_count), 0) FROM live_topics")!);
        }
        catch (SqliteException error)
        {
            throw Refused($"{file} is no backup of a databus: {error.Message}", error);
        }
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = 0;
        return command.ExecuteScalar();
    }

    private static SqliteConnection OpenPlainly(string file, SqliteOpenMode mode)
    {
        _ = SqliteLibrary.Version;
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = file, Mode = mode, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static void Sync(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
        stream.Flush(flushToDisk: true);
    }

    private static StoreException Refused(string message, Exception? inner = null) => new(StoreProblem.Stopped, message, inner);
}
