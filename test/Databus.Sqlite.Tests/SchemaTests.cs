using Databus.Storage;
using Databus.Testing;

namespace Databus.Sqlite.Tests;

public sealed class SchemaTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string DatabaseFile => DataDirectory.DatabaseFileIn(_folder.Path);

    public static TheoryData<int> EarlierVersions => [.. Enumerable.Range(0, Schema.Newest)];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Migrations_are_numbered_without_a_gap() =>
        Assert.Equal(Enumerable.Range(1, Schema.Migrations.Count), Schema.Migrations.Select(migration => migration.Number));

    [Theory]
    [MemberData(nameof(EarlierVersions))]
    public void Every_earlier_version_is_brought_to_the_same_schema(int version)
    {
        string[] expected;
        using (var anew = Connection.OpenWriter(_folder.File("anew.db")))
        {
            Schema.Migrate(anew);
            expected = SchemaOf(anew);
        }

        using var earlier = Connection.OpenWriter(DatabaseFile);
        foreach (var (number, sql) in Schema.Migrations.Take(version))
            Execute(earlier, $"{sql}; PRAGMA user_version = {number}");
        Schema.Migrate(earlier);
        Assert.Equal(Schema.Newest, Schema.VersionOf(earlier));
        Assert.Equal(expected, SchemaOf(earlier));

        // Once more changes nothing.
        Schema.Migrate(earlier);
        Assert.Equal(expected, SchemaOf(earlier));
    }

    [Fact]
    public async Task A_newer_schema_is_refused_with_a_message_that_says_what_to_do()
    {
        using (var connection = Connection.OpenWriter(DatabaseFile))
            Execute(connection, $"PRAGMA user_version = {Schema.Newest + 1}");

        await using var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, TimeProvider.System);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(CancellationToken.None));
        Assert.Equal(StoreProblem.Stopped, error.Problem);
        Assert.Contains($"schema version {Schema.Newest + 1}", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer databus", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_directory_is_free_for_the_next_who_tries()
    {
        using (var connection = Connection.OpenWriter(DatabaseFile))
            Execute(connection, $"PRAGMA user_version = {Schema.Newest + 1}");
        var refused = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, TimeProvider.System);
        await Assert.ThrowsAsync<StoreException>(() => refused.OpenAsync(CancellationToken.None));
        await refused.DisposeAsync();

        using (var connection = Connection.OpenWriter(DatabaseFile))
            Execute(connection, "PRAGMA user_version = 0");
        await using var store = new SqliteStore(new SqliteStoreOptions { DataDirectory = _folder.Path }, TimeProvider.System);
        await store.OpenAsync(CancellationToken.None);
    }

    private static void Execute(Connection connection, string sql)
    {
        using var command = connection.Link.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static string[] SchemaOf(Connection connection)
    {
        using var rows = connection["SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"].Rows();
        var schema = new List<string>();
        while (rows.Read())
            schema.Add(rows.GetString(0));
        return [.. schema];
    }
}
