using Databus.Storage;
using Databus.StoreSuite;
using Databus.Testing.Servers;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Postgres.Tests;

/// <summary>A database of its own for each test, on one server for all.</summary>
internal sealed class PostgresHome(Func<Task<PostgresServer>>? getServer = null) : StoreHome
{
    private readonly Func<Task<PostgresServer>> _getServer = getServer ?? SharedPostgres.GetAsync;
    private string? _database;

    public override IStore Create(TimeProvider time)
    {
        // The suite creates stores without waiting; a database is there in some hundredths of a second.
        var server = _getServer().GetAwaiter().GetResult();
        _database ??= server.CreateDatabaseAsync().GetAwaiter().GetResult();
        return new PostgresStore(
            new PostgresStoreOptions { ConnectionString = server.ConnectionString(_database), MaxConnections = 8, Clock = time },
            time,
            NullLogger<PostgresStore>.Instance);
    }

    public override async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await (await _getServer()).DropDatabaseAsync(_database);
    }
}
