using Databus.Testing;

namespace Databus.Sqlite.Tests;

public sealed class SqliteLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_library_is_new_enough_and_the_one_the_driver_uses()
    {
        Assert.True(SqliteLibrary.Version >= SqliteLibrary.Oldest);
        using var connection = Connection.OpenWriter(_folder.File("library.db"));
        Assert.Equal(SqliteLibrary.Version.ToString(), connection["SELECT sqlite_version()"].Value());
    }

    [Fact]
    public void Every_commit_is_synced_and_nobody_but_the_writer_makes_checkpoints()
    {
        // P1 rests on these.
        using var writer = Connection.OpenWriter(_folder.File("settings.db"));
        using var reader = Connection.OpenReader(_folder.File("settings.db"));
        Assert.Equal("wal", writer["PRAGMA journal_mode"].Value());
        Assert.Equal(2L, writer["PRAGMA synchronous"].Value());
        Assert.Equal(0L, writer["PRAGMA wal_autocheckpoint"].Value());
        Assert.Equal(0L, reader["PRAGMA wal_autocheckpoint"].Value());
        Assert.Equal(1L, reader["PRAGMA query_only"].Value());
    }
}
