using Databus.Storage;
using Npgsql;

namespace Databus.Postgres.Outbox;

/// <summary>
/// The outbox' own migrations, embedded from <c>Outbox/Migrations</c>. The table <c>databus_outbox.schema_version</c> holds the number of
/// the last one applied.
/// </summary>
internal static class OutboxSchema
{
    public static IReadOnlyList<(int Number, string Sql)> Migrations { get; } = [.. Schema.Read("Databus.Postgres.Outbox.Migrations.")];

    public static int Newest => Migrations[^1].Number;

    /// <summary>0: there is no schema yet.</summary>
    public static async Task<int> VersionOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await connection.Command("SELECT to_regclass('databus_outbox.schema_version') IS NOT NULL").ValueAsync(cancellationToken) is true
            && await connection.Command("SELECT version FROM databus_outbox.schema_version").ValueAsync(cancellationToken) is int version
                ? version
                : 0;

    /// <summary>Applies what is missing, all of it in one transaction, of which only one runs at a time.</summary>
    /// <exception cref="StoreException">The schema is not there and may not be made, or is newer than this program.</exception>
    public static async Task PrepareAsync(NpgsqlConnection connection, bool migrate, CancellationToken cancellationToken)
    {
        var version = await VersionOfAsync(connection, cancellationToken);
        if (version == Newest)
            return;
        if (version > Newest)
            throw new StoreException(StoreProblem.Stopped, $"The outbox has schema version {version}, this program knows versions up to {Newest}. Use a newer Databus.");
        if (!migrate)
            throw new StoreException(StoreProblem.Stopped, $"The outbox has schema version {version}, this program needs {Newest}, and is not to migrate it.");

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.Command("SELECT pg_advisory_xact_lock($1, 0)", Locks.OutboxMigration).ValueAsync(cancellationToken);
        version = await VersionOfAsync(connection, cancellationToken);
        if (version == 0)
        {
            await connection.Command(
                """
                CREATE SCHEMA IF NOT EXISTS databus_outbox;
                CREATE TABLE databus_outbox.schema_version (version integer NOT NULL);
                INSERT INTO databus_outbox.schema_version VALUES (0)
                """).RunAsync(cancellationToken);
        }

        foreach (var (_, sql) in Migrations.Where(migration => migration.Number > version))
            await connection.Command(sql).RunAsync(cancellationToken);
        await connection.Command("UPDATE databus_outbox.schema_version SET version = greatest(version, $1)", Newest).RunAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }
}
