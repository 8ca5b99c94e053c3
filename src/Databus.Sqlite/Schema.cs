using System.Globalization;
using System.Reflection;
using Databus.Storage;

namespace Databus.Sqlite;

/// <summary>
/// The numbered, append-only migrations, embedded from <c>Migrations/NNNN_what.sql</c>. The database's
/// <c>user_version</c> is the number of the last one applied.
/// </summary>
internal static class Schema
{
    public static IReadOnlyList<(int Number, string Sql)> Migrations { get; } = [.. Read("Databus.Sqlite.Migrations.")];

    public static int Newest => Migrations[^1].Number;

    public static int VersionOf(Connection connection) =>
        Convert.ToInt32(connection["PRAGMA user_version"].Value(), CultureInfo.InvariantCulture);

    /// <summary>Applies what is missing, each migration in a transaction of its own.</summary>
    /// <exception cref="StoreException">The database is newer than this program.</exception>
    public static void Migrate(Connection connection)
    {
        var version = VersionOf(connection);
        if (version > Newest)
        {
            throw new StoreException(
                StoreProblem.Stopped,
                $"The database has schema version {version}, this program knows versions up to {Newest}. Use a newer databus.");
        }

        foreach (var (number, sql) in Migrations.Where(migration => migration.Number > version))
        {
            using var command = connection.Link.CreateCommand();
            command.CommandText = $"BEGIN IMMEDIATE; {sql}; PRAGMA user_version = {number}; COMMIT;";
            command.ExecuteNonQuery();
        }
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
