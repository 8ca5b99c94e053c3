using System.Globalization;
using Databus.Storage;
using Npgsql;

namespace Databus.Postgres;

/// <summary>What an operator should know about the database.</summary>
internal static class DatabaseState
{
    /// <summary>Longer than this no transaction of Databus takes, and few others should.</summary>
    public static readonly TimeSpan LongTransaction = TimeSpan.FromMinutes(1);

    public static async Task<StoreReport> ReportAsync(NpgsqlConnection connection, bool hears, CancellationToken cancellationToken)
    {
        var (version, bytes) = (await connection.Command(
            """
            SELECT current_setting('server_version'), sum(pg_total_relation_size(c.oid))::bigint
            FROM pg_class c WHERE c.relnamespace = 'databus'::regnamespace AND c.relkind = 'r'
            """).RowsAsync(rows => (rows.GetString(0), rows.GetInt64(1)), cancellationToken))[0];
        var warnings = new List<Warning>();
        foreach (var setting in await UnsafeSettingsAsync(connection, cancellationToken))
            warnings.Add(new Warning("not-durable", $"The database runs with {setting}: what it acknowledges may be lost."));
        warnings.AddRange((await LongTransactionsAsync(connection, LongTransaction, cancellationToken)).Select(sentence => new Warning("long-transaction", sentence)));
        if (!hears)
            warnings.Add(new Warning("polls", "Notifications do not come through to this node; it polls ten times a second instead."));
        return new StoreReport("postgres", version.Split(' ')[0], bytes, WalBytes: 0, FreeBytes: null, warnings);
    }

    /// <summary>Settings with which an acknowledged commit may be lost (P1).</summary>
    public static Task<List<string>> UnsafeSettingsAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT name || ' = ' || setting FROM pg_settings
            WHERE (name = 'fsync' AND setting = 'off') OR (name = 'synchronous_commit' AND setting = 'off') OR (name = 'full_page_writes' AND setting = 'off')
            """).RowsAsync(rows => rows.GetString(0), cancellationToken);

    /// <summary>
    /// What keeps old versions of rows from being removed: transactions, prepared transactions and replication slots,
    /// each as a sentence. Of other roles' sessions only a role in pg_monitor sees everything.
    /// </summary>
    public static Task<List<string>> LongTransactionsAsync(NpgsqlConnection connection, TimeSpan longerThan, CancellationToken cancellationToken) =>
        connection.Command(
            """
            SELECT 'session ' || pid || ' of ' || coalesce(usename, '?') || coalesce(' (' || nullif(application_name, '') || ')', ''),
                   extract(epoch FROM clock_timestamp() - xact_start)::bigint
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend' AND xact_start < clock_timestamp() - make_interval(secs => $1)
            UNION ALL
            SELECT 'prepared transaction ' || gid || ' of ' || owner, extract(epoch FROM clock_timestamp() - prepared)::bigint
            FROM pg_prepared_xacts WHERE database = current_database() AND prepared < clock_timestamp() - make_interval(secs => $1)
            ORDER BY 2 DESC LIMIT 5
            """, longerThan.TotalSeconds).RowsAsync(
            rows => string.Create(
                CultureInfo.InvariantCulture,
                $"A transaction is open for {rows.GetInt64(1) / 60} min {rows.GetInt64(1) % 60} s: {rows.GetString(0)}. Until it ends, removed rows keep their space."),
            cancellationToken);
}
