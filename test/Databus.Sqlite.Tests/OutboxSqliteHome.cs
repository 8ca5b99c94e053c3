using System.Data.Common;
using Databus.Outbox;
using Databus.Sqlite.Outbox;
using Databus.StoreSuite.Outbox;
using Databus.Testing;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;

namespace Databus.Sqlite.Tests;

/// <summary>A service's file of its own for each test.</summary>
internal sealed class OutboxSqliteHome : OutboxHome
{
    private readonly TemporaryFolder _folder = new();

    public string ConnectionString => $"Data Source={_folder.File("service.db")}";

    public override IOutboxStore Create(TimeProvider time) => new SqliteOutbox(ConnectionString, time);

    public override void AddTo(IServiceCollection services) => services.AddSqliteOutbox(ConnectionString);

    public override async Task<DbConnection> ConnectAsync()
    {
        _ = SqliteLibrary.Version;
        var connection = new SqliteConnection($"{ConnectionString};Pooling=False");
        await connection.OpenAsync();
        return connection;
    }

    public override ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
