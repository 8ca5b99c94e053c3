using Databus.Storage;
using Databus.Testing;
using Databus.Testing.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Databus.Postgres.Tests;

public sealed class SchemaTests : IAsyncLifetime
{
    private PostgresServer _server = null!;
    private string _database = "";

    public static TheoryData<bool, int> EarlierVersions => [.. EarlierVersionsOf(outbox: false), .. EarlierVersionsOf(outbox: true)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await SharedPostgres.GetAsync();
        _database = await _server.CreateDatabaseAsync();
    }

    public async ValueTask DisposeAsync() => await _server.DropDatabaseAsync(_database);

    [Fact]
    public void Migrations_are_numbered_as_those_of_sqlite()
    {
        var here = Directory.GetFiles(Testing.Checkout.Path("src/Databus.Postgres/Migrations")).Select(file => Path.GetFileName(file)[..4]);
        var there = Directory.GetFiles(Testing.Checkout.Path("src/Databus.Sqlite/Migrations")).Select(file => Path.GetFileName(file)[..4]);
        Assert.Equal(there.Order(StringComparer.Ordinal), here.Order(StringComparer.Ordinal));
        Assert.Equal(Enumerable.Range(1, Schema.Nodes.Migrations.Count), Schema.Nodes.Migrations.Select(migration => migration.Number));
    }

    [Theory]
    [MemberData(nameof(EarlierVersions))]
    public async Task Every_earlier_version_is_brought_to_the_same_schema(bool outbox, int version)
    {
        var (schema, name) = (SchemaOf(outbox), outbox ? "databus_outbox" : "databus");
        var anew = await _server.CreateDatabaseAsync();
        await MigrateAsync(anew, schema);
        await MakeByHandAsync(schema, name, version);
        await MigrateAsync(_database, schema);
        Assert.Equal(await DescribeAsync(anew, name), await DescribeAsync(_database, name));
        await _server.DropDatabaseAsync(anew);
    }

    [Fact]
    public async Task An_outbox_made_by_hand_is_taken_when_it_is_the_newest_and_refused_when_it_is_older()
    {
        await MakeByHandAsync(Schema.Outbox, "databus_outbox", Schema.Outbox.Newest);
        await using var source = NpgsqlDataSource.Create(_server.ConnectionString(_database));
        await using var connection = await source.OpenConnectionAsync(Cancellation);
        Assert.False(await Schema.Outbox.PrepareAsync(connection, migrate: false, Cancellation));
        await connection.Command("UPDATE databus_outbox.schema_version SET version = version - 1").RunAsync(Cancellation);
        var error = await Assert.ThrowsAsync<StoreException>(() => Schema.Outbox.PrepareAsync(connection, migrate: false, Cancellation));
        Assert.Contains($"this program needs {Schema.Outbox.Newest}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_that_start_at_once_migrate_once(bool outbox)
    {
        var schema = SchemaOf(outbox);
        await using var source = NpgsqlDataSource.Create(_server.ConnectionString(_database));
        await using var holder = await source.OpenConnectionAsync(Cancellation);
        var taken = outbox ? Locks.OutboxMigration : Locks.Migration;
        await holder.Command("SELECT pg_advisory_lock($1, 0)", taken).RunAsync(Cancellation);
        var starts = Enumerable.Range(0, 8).Select(_ => PrepareAsync(source, schema)).ToList();

        // All have seen by then that there is nothing.
        Assert.True(await Deadline.WaitAsync(
            async () => await holder.Command("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1 AND NOT granted", taken).ValueAsync(Cancellation) is 8L,
            TimeSpan.FromMinutes(1), Cancellation));
        await holder.Command("SELECT pg_advisory_unlock($1, 0)", taken).RunAsync(Cancellation);
        Assert.Single(await Task.WhenAll(starts), migrated => migrated);
        Assert.Equal(schema.Newest, await schema.VersionOfAsync(holder, Cancellation));
    }

    [Fact]
    public async Task A_newer_schema_is_refused_with_a_message_that_says_what_to_do()
    {
        await MigrateAsync(_database, Schema.Nodes);
        await _server.ExecuteAsync($"UPDATE databus.schema_version SET version = {Schema.Nodes.Newest + 1}", _database);
        await using var store = Store(_database);
        var error = await Assert.ThrowsAsync<StoreException>(() => store.OpenAsync(Cancellation));
        Assert.Equal(StoreProblem.Stopped, error.Problem);
        Assert.Contains($"schema version {Schema.Nodes.Newest + 1}", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer databus", error.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<(bool Outbox, int Version)> EarlierVersionsOf(bool outbox) =>
        Enumerable.Range(1, SchemaOf(outbox).Newest - 1).Select(version => (outbox, version));

    private static Schema SchemaOf(bool outbox) => outbox ? Schema.Outbox : Schema.Nodes;

    private Task<string> MakeByHandAsync(Schema schema, string name, int version) => _server.ExecuteAsync(
        $"CREATE SCHEMA {name}; CREATE TABLE {name}.schema_version (version integer NOT NULL); INSERT INTO {name}.schema_version VALUES ({version}); "
        + string.Join(';', schema.Migrations.Take(version).Select(migration => migration.Sql)), _database);

    private async Task MigrateAsync(string database, Schema schema)
    {
        await using var source = NpgsqlDataSource.Create(_server.ConnectionString(database));
        Assert.True(await PrepareAsync(source, schema));
    }

    private static async Task<bool> PrepareAsync(NpgsqlDataSource source, Schema schema)
    {
        await using var connection = await source.OpenConnectionAsync(Cancellation);
        return await schema.PrepareAsync(connection, migrate: true, Cancellation);
    }

    private PostgresStore Store(string database) => new(
        new PostgresStoreOptions { ConnectionString = _server.ConnectionString(database), MaxConnections = 4 }, TimeProvider.System, NullLogger<PostgresStore>.Instance);

    private async Task<string> DescribeAsync(string database, string schema)
    {
        await using var source = NpgsqlDataSource.Create(_server.ConnectionString(database));
        await using var connection = await source.OpenConnectionAsync(Cancellation);
        var columns = await connection.Command(
            """
            SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
            FROM information_schema.columns WHERE table_schema = $1 ORDER BY table_name, column_name
            """, schema).RowsAsync(rows => rows.GetString(0), Cancellation);
        var indexes = await connection.Command("SELECT indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1", schema)
            .RowsAsync(rows => rows.GetString(0), Cancellation);
        return string.Join('\n', [.. columns, .. indexes]);
    }
}
