using Databus.Storage;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_second_store_on_the_same_directory_is_refused_and_the_first_goes_on()
    {
        await using var first = New();
        await first.OpenAsync(CancellationToken.None);
        await using (var second = New())
        {
            var error = await Assert.ThrowsAsync<StoreException>(() => second.OpenAsync(CancellationToken.None));
            Assert.Equal(StoreProblem.Stopped, error.Problem);
            Assert.Contains(_folder.Path, error.Message, StringComparison.Ordinal);
        }

        Assert.True((await first.PutTopicAsync("letters", settings: null, CancellationToken.None)).Created);
    }

    [Fact]
    public async Task A_closed_store_leaves_the_directory_to_the_next()
    {
        for (var round = 0; round < 3; round++)
        {
            await using var store = New();
            await store.OpenAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task The_directory_is_created_and_nobody_else_may_look_into_it()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Modes are those of Unix.");
            return;
        }

        var path = _folder.File("deep/down");
        await using var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = path }, TimeProvider.System);
        await store.OpenAsync(CancellationToken.None);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
    }

    [Fact]
    public async Task A_file_that_is_no_database_is_refused()
    {
        await File.WriteAllTextAsync(DataDirectory.DatabaseFileIn(_folder.Path), new string('x', 100_000));
        await using var store = New();
        await Assert.ThrowsAnyAsync<Exception>(() => store.OpenAsync(CancellationToken.None));
    }

    private SqliteStore New() => new(new SqliteStoreOptions { DataDirectory = _folder.Path }, TimeProvider.System);
}
