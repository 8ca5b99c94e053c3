using Databus.Proofs.Processes;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Server.Tests.EndToEnd;

/// <summary>Where the data of one real server lives. It outlasts the server's restarts, and goes with the test.</summary>
public abstract class ServerHome : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();

    protected string Folder => _folder.Path;

    /// <summary>The variables by which a command of <c>databus</c> finds this data.</summary>
    internal abstract Task<Dictionary<string, string>> VariablesAsync();

    /// <summary>How a server on this data is started.</summary>
    internal abstract Task<ServerSettings> SettingsAsync(int port);

    public virtual ValueTask DisposeAsync()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }
}

/// <summary>SQLite in a folder of its own.</summary>
public sealed class SqliteHome : ServerHome
{
    internal override Task<Dictionary<string, string>> VariablesAsync() =>
        Task.FromResult(new Dictionary<string, string>(StringComparer.Ordinal) { ["DATABUS_DATA"] = Folder });

    internal override Task<ServerSettings> SettingsAsync(int port) => Task.FromResult(new ServerSettings(Folder, port));
}

/// <summary>A database of its own, on one PostgreSQL for all.</summary>
public sealed class PostgresHome : ServerHome
{
    private string? _database;

    internal override async Task<Dictionary<string, string>> VariablesAsync() =>
        new(StringComparer.Ordinal) { ["DATABUS_STORE"] = await UrlAsync() };

    internal override async Task<ServerSettings> SettingsAsync(int port) => new(Folder, port) { Store = await UrlAsync() };

    public override async ValueTask DisposeAsync()
    {
        if (_database is not null)
            await (await SharedPostgres.GetDurableAsync()).DropDatabaseAsync(_database);
        await base.DisposeAsync();
    }

    private async Task<string> UrlAsync()
    {
        var server = await SharedPostgres.GetDurableAsync();
        return server.Url(_database ??= await server.CreateDatabaseAsync());
    }
}
