using System.Globalization;
using System.Reflection;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>
/// A schema of the database and its numbered, append-only migrations, embedded from a folder of files <c>NNNN_what.sql</c>. Its table
/// <c>schema_version</c> holds the number of the last one applied.
/// </summary>
internal sealed class Schema
{
    private readonly string _name;
    private readonly string _what;
    private readonly int _lock;

    private Schema(string name, string what, int @lock, string folder)
    {
        _name = name;
        _what = what;
        _lock = @lock;
        Migrations = [.. Read(folder)];
    }

    /// <summary>Of the store of nodes.</summary>
    public static Schema Nodes { get; } = new("databus", "The database", Locks.Migration, "Databus.Postgres.Migrations.");

    /// <summary>Of the outbox in a service's database.</summary>
    public static Schema Outbox { get; } = new("databus_outbox", "The outbox", Locks.OutboxMigration, "Databus.Postgres.Outbox.Migrations.");

    public IReadOnlyList<(int Number, string Sql)> Migrations { get; }

    public int Newest => Migrations[^1].Number;

    /// <summary>0: there is no schema yet.</summary>
    public async Task<int> VersionOfAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // From the catalog's own table: a look-up by name may be answered from what this connection remembers to be missing, although
        // another one has made it meanwhile.
        var exists = await connection.Command(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'schema_version')",
            _name).ValueAsync(cancellationToken);
        return exists is true && await connection.Command($"SELECT version FROM {_name}.schema_version").ValueAsync(cancellationToken) is int version
            ? version
            : 0;
    }

    /// <summary>Applies what is missing, all of it in one transaction, of which only one runs at a time. True: something was.</summary>
    /// <param name="migrate">False: nothing may be missing.</param>
    /// <exception cref="StoreException">The schema is newer than this program, or is not to be migrated and older.</exception>
    public async Task<bool> PrepareAsync(NpgsqlConnection connection, bool migrate, CancellationToken cancellationToken)
    {
        if (IsCurrent(await VersionOfAsync(connection, cancellationToken), migrate))
            return false;

        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await connection.Command("SELECT pg_advisory_xact_lock($1, 0)", _lock).ValueAsync(cancellationToken);
        var version = await VersionOfAsync(connection, cancellationToken);
        if (IsCurrent(version, migrate))
            return false;
        if (version == 0)
        {
            await connection.Command(
                $"""
                CREATE SCHEMA IF NOT EXISTS {_name};
                CREATE TABLE {_name}.schema_version (version integer NOT NULL);
                INSERT INTO {_name}.schema_version VALUES (0)
                """).RunAsync(cancellationToken);
        }

        foreach (var (_, sql) in Migrations.Where(migration => migration.Number > version))
            await connection.Command(sql).RunAsync(cancellationToken);
        await connection.Command($"UPDATE {_name}.schema_version SET version = $1", Newest).RunAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        return true;
    }

    private static IEnumerable<(int Number, string Sql)> Read(string folder)
    {
        var assembly = Assembly.GetExecutingAssembly();
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith(folder, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (int.Parse(name.AsSpan(folder.Length, 4), NumberStyles.None, CultureInfo.InvariantCulture), reader.ReadToEnd());
        }
    }

    private bool IsCurrent(int version, bool migrate)
    {
        if (version > Newest)
            throw new StoreException(StoreProblem.Stopped, $"{_what} has schema version {version}, this program knows versions up to {Newest}. Use a newer databus.");
        if (version < Newest && !migrate)
            throw new StoreException(StoreProblem.Stopped, $"{_what} has schema version {version}, this program needs {Newest}, and is not to migrate it.");
        return version == Newest;
    }
}
