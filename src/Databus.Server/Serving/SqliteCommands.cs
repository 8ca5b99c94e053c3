using Databus.Server.CommandLine;
using Databus.Sqlite;
using Databus.Storage;

namespace Databus.Server.Serving;

/// <summary>What the command line does to a SQLite store while no server has it open; backups also while one has.</summary>
internal static class SqliteCommands
{
    public static StoreCommands All { get; } = new()
    {
        CreateToken = (location, name, cancellationToken) => TokenCommands.CreateAsync(Open(location), name, cancellationToken),
        ListTokens = (location, cancellationToken) => TokenCommands.ListAsync(Open(location), cancellationToken),
        DeleteToken = (location, name, cancellationToken) => TokenCommands.DeleteAsync(Open(location), name, cancellationToken),
        Backup = (location, file, _) => Task.Run(() => Report(() => SqliteBackup.Take(location.DataDirectory, file))),
        Restore = (location, file, overwrite, _) => Task.Run(() => Report(() => SqliteBackup.Restore(location.DataDirectory, file, overwrite))),
        Examine = (location, _) => Task.Run(() => Findings.Of(SqliteDoctor.Examine(location.DataDirectory))),
    };

    private static SqliteStore Open(StoreLocation location) =>
        new(new SqliteStoreOptions { DataDirectory = location.DataDirectory }, TimeProvider.System);

    private static BackupReport Report(Func<SqliteBackupReport> work)
    {
        try
        {
            var report = work();
            return new BackupReport(report.File, report.Bytes, report.Topics, report.Items);
        }
        catch (StoreException error)
        {
            throw new CommandFailure(ExitCodes.Failed, error.Message);
        }
    }
}
