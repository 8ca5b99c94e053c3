using System.Data.Common;
using Databus.Outbox;
using Databus.Postgres.Outbox;
using Databus.StoreSuite.Outbox;
using Databus.Testing.Servers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Databus.Postgres.Tests;

/// <summary>A service's database of its own for each test, on one server for all.</summary>
internal sealed class OutboxPostgresHome(PgBouncer? pooler = null) : OutboxHome
{
    private string? _database;

    public string ConnectionString
    {
        get
        {
            // The suite creates stores without waiting; a database is there in some hundredths of a second.
            var server = SharedPostgres.GetAsync().GetAwaiter().GetResult();
            _database ??= server.CreateDatabaseAsync().GetAwaiter().GetResult();
            return pooler?.ConnectionString(_database) ?? server.ConnectionString(_database);
        }
    }

    public override IOutboxStore Create(TimeProvider time) =>
        new PostgresOutbox(new OutboxDatabase(ConnectionString) { Clock = time }, NullLogger<PostgresOutbox>.Instance);

    public override void AddTo(IServiceCollection services) => services.AddPostgresOutbox(ConnectionString);

    public override async Task<DbConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        return connection;
    }

    public override async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await (await SharedPostgres.GetAsync()).DropDatabaseAsync(_database);
    }
}
