using System.Globalization;
using Databus.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Databus.Postgres;

/// <summary>Examines the database behind a store: the way to it, its settings, what holds it up. Changes nothing.</summary>
public static class PostgresDoctor
{
    private const int OldestVersion = 13;

    public static async Task<IReadOnlyList<Finding>> ExamineAsync(PostgresStoreOptions options, CancellationToken cancellationToken)
    {
        await using var database = new Database(options);
        try
        {
            return await database.ReadAsync(connection => ExamineAsync(database, connection, cancellationToken), cancellationToken);
        }
        catch (StoreException error)
        {
            return [new Finding("connection", FindingLevel.Broken, error.Message)];
        }
    }

    private static async Task<IReadOnlyList<Finding>> ExamineAsync(Database database, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var version = connection.PostgreSqlVersion;
        var findings = new List<Finding>
        {
            version.Major < OldestVersion
                ? new Finding("connection", FindingLevel.Broken, $"PostgreSQL {version} is too old; {OldestVersion} is needed.")
                : new Finding("connection", FindingLevel.Sound, $"PostgreSQL {version} at {connection.Host}:{connection.Port.ToString(CultureInfo.InvariantCulture)}, database {connection.Database}."),
        };

        var schema = await Schema.Nodes.VersionOfAsync(connection, cancellationToken);
        findings.Add(schema > Schema.Nodes.Newest
            ? new Finding("schema", FindingLevel.Broken, $"Schema version {schema} is newer than this program, which knows {Schema.Nodes.Newest}.")
            : new Finding("schema", FindingLevel.Sound, schema == Schema.Nodes.Newest
                ? $"Schema version {schema}."
                : $"Schema version {schema}; the next start brings it to {Schema.Nodes.Newest}."));

        var unsafeSettings = await DatabaseState.UnsafeSettingsAsync(connection, cancellationToken);
        findings.Add(unsafeSettings.Count > 0
            ? new Finding("durability", FindingLevel.Broken, $"With {string.Join(" and ", unsafeSettings)}, what is acknowledged may be lost.")
            : new Finding("durability", FindingLevel.Sound, "Every commit is synced."));

        var hears = new Neighbours(database, new KnownTopics(), new Announcements(), NullLogger.Instance);
        findings.Add(await hears.HearsItselfAsync(cancellationToken)
            ? new Finding("notifications", FindingLevel.Sound, "Nodes hear of each other at once.")
            : new Finding("notifications", FindingLevel.Doubtful, "Notifications do not come through, as behind a pooler that works by transactions. Nodes poll ten times a second instead."));

        var open = await DatabaseState.LongTransactionsAsync(connection, DatabaseState.LongTransaction, cancellationToken);
        findings.AddRange(open.Count > 0
            ? open.Select(sentence => new Finding("transactions", FindingLevel.Doubtful, sentence))
            : [new Finding("transactions", FindingLevel.Sound, "None is open for longer than a minute.")]);

        var (used, most) = (await connection.Command(
            "SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), current_setting('max_connections')::bigint")
            .RowsAsync(rows => (rows.GetInt64(0), rows.GetInt64(1)), cancellationToken))[0];
        findings.Add(used * 10 > most * 9
            ? new Finding("connections", FindingLevel.Doubtful, $"{used} of {most} connections are in use.")
            : new Finding("connections", FindingLevel.Sound, $"{used} of {most} connections are in use."));
        return findings;
    }
}
