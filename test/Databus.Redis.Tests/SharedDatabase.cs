using System.Globalization;
using Databus.Postgres;
using Databus.Storage;
using Databus.Testing.Servers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Redis.Tests;

/// <summary>A database of its own on the PostgreSQL server of this process, and stores on it.</summary>
internal sealed class SharedDatabase : IAsyncDisposable
{
    private readonly PostgresServer _server;
    private readonly string _name;

    private SharedDatabase(PostgresServer server, string name)
    {
        _server = server;
        _name = name;
    }

    public static async Task<SharedDatabase> CreateAsync()
    {
        var server = await SharedPostgres.GetAsync();
        var database = new SharedDatabase(server, await server.CreateDatabaseAsync());
        await server.ExecuteAsync("CREATE EXTENSION pg_stat_statements", database._name);
        return database;
    }

    public Task<IStore> OpenAsync() => OpenAsync(_server.ConnectionString(_name));

    /// <summary>One more store on a database, as one more node has it.</summary>
    public static async Task<IStore> OpenAsync(string connectionString)
    {
        var store = new PostgresStore(
            new PostgresStoreOptions { ConnectionString = connectionString, MaxConnections = 8 }, TimeProvider.System, NullLogger<PostgresStore>.Instance);
        await store.OpenAsync(CancellationToken.None);
        return store;
    }

    /// <summary>
    /// How many statements the database has run. Without announcements: they follow what is added and never a duplicate,
    /// and how many share one is a matter of time.
    /// </summary>
    public async Task<long> StatementsAsync() => long.Parse(
        await _server.ExecuteAsync(
            $"""
            SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database d ON d.oid = dbid
            WHERE datname = '{_name}' AND query NOT LIKE '%pg_notify%' AND query NOT LIKE '%pg_stat_statements%'
            """,
            _name),
        CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync() => await _server.DropDatabaseAsync(_name);
}
