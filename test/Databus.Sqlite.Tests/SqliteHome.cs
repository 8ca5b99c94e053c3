using Databus.Storage;
using Databus.StoreSuite;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

/// <summary>A data directory of its own for each test.</summary>
internal sealed class SqliteHome : StoreHome
{
    private readonly TemporaryFolder _folder = new();

    public override IStore Create(TimeProvider time) => new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, time);

    public override ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}
