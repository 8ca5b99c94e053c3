using System.Text;
using Databus.Json;
using Databus.Testing.Servers;
using Databus.Topics;
using Microsoft.Extensions.Logging.Abstractions;

namespace Databus.Postgres.Tests;

/// <summary>Two stores on one database, as two nodes have them, by the database's clock.</summary>
internal sealed class TwoNodes : IAsyncDisposable
{
    private readonly PostgresServer _server;
    private readonly bool _ownsServer;

    private TwoNodes(PostgresServer server, bool ownsServer, string database, Func<string, string>? connectionString)
    {
        _server = server;
        _ownsServer = ownsServer;
        DatabaseName = database;
        ConnectionString = (connectionString ?? (name => server.ConnectionString(name)))(database);
        (A, B) = (Create(), Create());
    }

    public PostgresServer Server => _server;

    public string DatabaseName { get; }

    public string ConnectionString { get; }

    public PostgresStore A { get; }

    public PostgresStore B { get; }

    /// <summary>Opens both.</summary>
    /// <param name="own">A server that this test may stop.</param>
    public static async Task<TwoNodes> OpenAsync(PostgresServer? own = null, Func<string, string>? connectionString = null)
    {
        var server = own ?? await SharedPostgres.GetAsync();
        var nodes = new TwoNodes(server, own is not null, await server.CreateDatabaseAsync(), connectionString);
        await Task.WhenAll(nodes.A.OpenAsync(CancellationToken.None), nodes.B.OpenAsync(CancellationToken.None));
        return nodes;
    }

    public static NewItem Item(int key) => new(Encoding.UTF8.GetBytes($$"""{"key":{{key}}}"""), KeyHash.FromText($"{key}"), $"{key}", Source: null);

    public PostgresStore Create(TimeProvider? time = null) => new(
        new PostgresStoreOptions { ConnectionString = ConnectionString, MaxConnections = 8, CommandTimeout = TimeSpan.FromSeconds(15) },
        time ?? TimeProvider.System,
        NullLogger<PostgresStore>.Instance);

    public async ValueTask DisposeAsync()
    {
        await A.DisposeAsync();
        await B.DisposeAsync();
        if (_ownsServer)
            await _server.DisposeAsync();
        else
            await _server.DropDatabaseAsync(DatabaseName);
    }
}
