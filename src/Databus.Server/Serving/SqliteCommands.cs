using Databus.Access;
using Databus.Server.CommandLine;
using Databus.Sqlite;
using Databus.Storage;

namespace Databus.Server.Serving;

/// <summary>What the command line does to a SQLite store while no server has it open; backups also while one has.</summary>
internal static class SqliteCommands
{
    public static StoreCommands All { get; } = new()
    {
        CreateToken = (location, name, cancellationToken) => WithStoreAsync(location, async store =>
        {
            var created = await new TokenVerifier(store, TimeProvider.System).CreateAsync(name, cancellationToken);
            return created is var (token, secret) ? new CreatedToken(token.Name, secret, token.CreatedAt) : null;
        }),
        ListTokens = (location, cancellationToken) => WithStoreAsync<IReadOnlyList<KnownToken>>(location, async store =>
            [.. (await store.ListTokensAsync(cancellationToken)).Select(token => new KnownToken(token.Name, token.CreatedAt, token.LastUsedAt))]),
        DeleteToken = (location, name, cancellationToken) =>
            WithStoreAsync(location, store => store.DeleteTokenAsync(name, cancellationToken)),
        Backup = (location, file, _) => Task.Run(() => Report(() => SqliteBackup.Take(location.DataDirectory, file))),
        Restore = (location, file, overwrite, _) => Task.Run(() => Report(() => SqliteBackup.Restore(location.DataDirectory, file, overwrite))),
        Examine = (location, _) => Task.Run<IReadOnlyList<DoctorCheck>>(() =>
            [.. SqliteDoctor.Examine(location.DataDirectory).Select(finding => new DoctorCheck(finding.Subject, Verdict(finding.Level), finding.Sentence))]),
    };

    private static async Task<T> WithStoreAsync<T>(StoreLocation location, Func<SqliteStore, Task<T>> work)
    {
        try
        {
            await using var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = location.DataDirectory }, TimeProvider.System);
            await store.OpenAsync(CancellationToken.None);
            return await work(store);
        }
        catch (StoreException error)
        {
            throw new CommandFailure(ExitCodes.Failed, error.Message);
        }
    }

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

    private static DoctorVerdict Verdict(FindingLevel level) => level switch
    {
        FindingLevel.Sound => DoctorVerdict.Ok,
        FindingLevel.Doubtful => DoctorVerdict.Warning,
        _ => DoctorVerdict.Failed,
    };
}
