using System.Globalization;
using System.Reflection;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// The numbered, append-only migrations, embedded from <c>Migrations/NNNN_what.sql</c>. The table
/// <c>databus.schema_version</c> holds the number of the last one applied.
/// </summary>
internal static class Schema
{
    public static IReadOnlyList<(int Number, string Sql)> Migrations { get; } = [.. Read("Databus.Postgres.Migrations.")];

    public static int Newest => Migrations[^1].Number;

    /// <summary>0: there is no schema yet.</summary>
    public static async Task<int> VersionOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await connection.Command("SELECT to_regclass('databus.schema_version') IS NOT NULL").ValueAsync(cancellationToken) is true
            && await connection.Command("SELECT version FROM databus.schema_version").ValueAsync(cancellationToken) is int version
                ? version
                : 0;

    /// <summary>Applies what is missing, all of it in one transaction, of which only one runs at a time.</summary>
    /// <exception cref="StoreException">The database is newer than this program.</exception>
    public static async Task<bool> MigrateAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.Command("SELECT pg_advisory_xact_lock($1, 0)", Locks.Migration).ValueAsync(cancellationToken);
        var version = await VersionOfAsync(connection, cancellationToken);
        if (version > Newest)
        {
            throw new StoreException(
                StoreProblem.Stopped,
                $"The database has schema version {version}, this program knows versions up to {Newest}. Use a newer databus.");
        }

        if (version == Newest)
            return false;
        if (version == 0)
        {
            await connection.Command(
                """
                CREATE SCHEMA IF NOT EXISTS databus;
                CREATE TABLE databus.schema_version (version integer NOT NULL);
                INSERT INTO databus.schema_version VALUES (0)
                """).RunAsync(cancellationToken);
        }

        foreach (var (_, sql) in Migrations.Where(migration => migration.Number > version))
            await connection.Command(sql).RunAsync(cancellationToken);
        await connection.Command("UPDATE databus.schema_version SET version = $1", Newest).RunAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    /// <summary>The migrations that are embedded under a name that begins so.</summary>
    internal static IEnumerable<(int Number, string Sql)> Read(string folder)
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (int.Parse(name.AsSpan(folder.Length, 4), NumberStyles.None, CultureInfo.InvariantCulture), reader.ReadToEnd());
        }
    }
}
