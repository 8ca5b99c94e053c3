using System.Globalization;
using Databus.Storage;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Outbox;

/// <summary>
/// The outbox' own migrations, embedded from <c>Outbox/Migrations</c>. The table <c>databus_outbox_schema_version</c> holds the number of
/// the last one applied; the file's <c>user_version</c> is the service's.
/// </summary>
internal static class OutboxSchema
{
    public static IReadOnlyList<(int Number, string Sql)> Migrations { get; } = [.. Schema.Read("Databus.Sqlite.Outbox.Migrations.")];

    public static int Newest => Migrations[^1].Number;

    /// <summary>Applies what is missing, each migration in a transaction of its own.</summary>
    /// <exception cref="StoreException">The tables are not there and may not be made, or are newer than this program.</exception>
    public static void Prepare(SqliteConnection connection, bool migrate)
    {
        if (VersionOf(connection) == Newest)
            return;
        if (migrate)
        {
            connection.Command("PRAGMA journal_mode = WAL").Value();
            using var transaction = connection.BeginTransaction(deferred: false);
            var version = VersionOf(connection);
            if (version == 0)
                connection.Command("CREATE TABLE IF NOT EXISTS databus_outbox_schema_version (version INTEGER NOT NULL); INSERT INTO databus_outbox_schema_version VALUES (0)").Run();
            foreach (var (_, sql) in Migrations.Where(migration => migration.Number > version))
                connection.Command(sql).Run();
            if (version < Newest)
                connection.Command("UPDATE databus_outbox_schema_version SET version = $version", Newest).Run();
            transaction.Commit();
        }

        if (VersionOf(connection) is var found && found != Newest)
            throw new StoreException(StoreProblem.Stopped, $"The outbox has schema version {found}, this program needs {Newest}.");
    }

    private static int VersionOf(SqliteConnection connection) =>
        connection.Command("SELECT 1 FROM sqlite_master WHERE name = 'databus_outbox_schema_version'").Value() is null
            ? 0
            : Convert.ToInt32(connection.Command("SELECT version FROM databus_outbox_schema_version").Value() ?? 0, CultureInfo.InvariantCulture);
}
