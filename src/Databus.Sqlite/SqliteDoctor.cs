using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite;

/// <summary>Examines the store of a data directory: the file, its settings, the library, the disk. Changes nothing.</summary>
public static class SqliteDoctor
{
    private const long LittleSpace = 512L << 20;
    private const long LargeWal = 64L << 20;

    /// <summary>Before this SQLite could corrupt a file under two writers at once; the one writer here avoids that.</summary>
    private static readonly Version WithoutWalResetBug = new(3, 51, 3);

    public static IReadOnlyList<Finding> Examine(string dataDirectory)
    {
        var path = Path.GetFullPath(dataDirectory);
        var database = DataDirectory.DatabaseFileIn(path);
        var findings = new List<Finding> { Library() };
        if (!Directory.Exists(path))
        {
            findings.Add(new Finding("data directory", FindingLevel.Broken, $"{path} does not exist."));
            return findings;
        }

        findings.Add(Permissions(path));
        findings.Add(Space(path));
        findings.Add(Server(path));
        if (File.Exists(database))
            findings.AddRange(Database(database));
        else
            findings.Add(new Finding("database", FindingLevel.Broken, $"There is no {database}. A server creates it at its first start."));
        return findings;
    }

    private static Finding Library()
    {
        var version = SqliteLibrary.Version;
        return version < SqliteLibrary.Oldest ? new Finding("library", FindingLevel.Broken, $"SQLite {version} is too old; {SqliteLibrary.Oldest} is needed.")
            : version < WithoutWalResetBug ? new Finding("library", FindingLevel.Sound, $"SQLite {version}. Its bug in resetting the log needs two writers; there is one.")
            : new Finding("library", FindingLevel.Sound, $"SQLite {version}.");
    }

    private static Finding Permissions(string path)
    {
        const UnixFileMode others = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
            | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;
        return !OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & others) != UnixFileMode.None
            ? new Finding("data directory", FindingLevel.Doubtful, $"Others may enter {path}. Whoever can, needs no token.")
            : new Finding("data directory", FindingLevel.Sound, $"{path} is open to its owner only.");
    }

    private static Finding Space(string path)
    {
        var free = new DriveInfo(path).AvailableFreeSpace;
        return free < LittleSpace
            ? new Finding("disk", FindingLevel.Doubtful, $"{free >> 20} MiB are free. On a full disk adds are refused.")
            : new Finding("disk", FindingLevel.Sound, $"{free >> 20} MiB are free.");
    }

    private static Finding Server(string path)
    {
        try
        {
            using var directory = DataDirectory.Open(path);
            return new Finding("server", FindingLevel.Sound, "No server uses this data directory now.");
        }
        catch (StoreException)
        {
            return new Finding("server", FindingLevel.Sound, "A server uses this data directory now.");
        }
    }

    private static List<Finding> Database(string file)
    {
        var findings = new List<Finding>();
        try
        {
            using var connection = Connection.OpenReader(file);
            var version = Schema.VersionOf(connection);
            findings.Add(version > Schema.Newest
                ? new Finding("schema", FindingLevel.Broken, $"Schema version {version} is newer than this program, which knows {Schema.Newest}.")
                : new Finding("schema", FindingLevel.Sound, version == Schema.Newest
                    ? $"Schema version {version}."
                    : $"Schema version {version}; the next start brings it to {Schema.Newest}."));

            var mode = connection["PRAGMA journal_mode"].Value() as string;
            findings.Add(mode == "wal"
                ? new Finding("settings", FindingLevel.Sound, "Write-ahead log, every commit synced.")
                : new Finding("settings", FindingLevel.Broken, $"The journal mode is {mode}, wal is expected."));

            var check = connection["PRAGMA quick_check(1)"].Value() as string;
            findings.Add(check == "ok"
                ? new Finding("database", FindingLevel.Sound, $"{file}, {new FileInfo(file).Length >> 20} MiB, is sound.")
                : new Finding("database", FindingLevel.Broken, $"{file} is damaged: {check} Restore a backup."));
        }
        catch (SqliteException error)
        {
            findings.Add(new Finding("database", FindingLevel.Broken, $"{file} cannot be read: {error.Message}"));
        }

        var wal = new FileInfo(file + "-wal") is { Exists: true } log ? log.Length : 0;
        findings.Add(wal > LargeWal
            ? new Finding("log", FindingLevel.Doubtful, $"The write-ahead log holds {wal >> 20} MiB; something reads for too long.")
            : new Finding("log", FindingLevel.Sound, $"The write-ahead log holds {wal >> 10} KiB."));
        return findings;
    }
}
