using System.Globalization;
using Databus.Testing;
using Databus.Testing.Processes;
using Databus.Testing.Servers;
using Npgsql;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>
/// P7 and P8, whenever a process is killed: before and after its commit, after a message was published, and before that is kept.
/// What was committed is sent, and nothing else; it comes again only where a sender was killed, and then with the same id.
/// </summary>
public sealed class KillTests
{
    /// <summary>What a commit waits for while it is held.</summary>
    private const int Hold = 4242;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> AllShapes => [.. Shapes.All.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(AllShapes))]
    public async Task Whenever_a_process_is_killed_what_was_committed_is_sent_and_nothing_else(string shape)
    {
        var server = await SharedPostgres.GetAsync();
        var database = await server.CreateDatabaseAsync();
        var store = server.ConnectionString(database) + ";Pooling=false";
        try
        {
            await CreateTablesAsync(store);
            await KillBeforeCommitAsync(store, shape);
            Assert.Equal(0, await NumberAsync(store, "SELECT count(*) FROM databus_outbox.message"));
            await KillAfterCommitAsync(store, shape);

            var first = await KillAfterPublishAsync(store);
            await TimePassesAsync(store);
            Assert.Equal(first, await KillBeforeCompletionAsync(store));
            await TimePassesAsync(store);
            var rest = await SendAllAsync(store);
            Assert.Equal(2, rest.Count);
            Assert.Equal(first, rest[0]);
            Assert.Equal([3, 4], rest.Select(sent => sent.Number).Order());
        }
        finally
        {
            await EndSessionsAsync(store);
            await server.DropDatabaseAsync(database);
        }
    }

    private static async Task CreateTablesAsync(string store)
    {
        var shop = new Shop();
        await shop.StartAsync(store, outbox => outbox.Relay = false);
        await shop.CreateTablesAsync();
        await shop.StopAsync();

        // At the commit, after all else: as close to it as a database lets one come.
        await ExecuteAsync(
            store,
            $"""
            CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared({Hold}); RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON databus_outbox.message DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()
            """);
    }

    private static async Task KillBeforeCommitAsync(string store, string shape)
    {
        await using var holder = await OpenAsync(store + ";Application Name=holder");
        await ExecuteAsync(holder, $"SELECT pg_advisory_lock({Hold})");
        await using var process = Start("record", store, shape, "1", "2");
        await UntilAsync(store, $"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {Hold} AND NOT granted", 1, process);
        await process.KillAsync();
        await EndSessionsAsync(store);
    }

    private static async Task KillAfterCommitAsync(string store, string shape)
    {
        await using var process = Start("record", store, shape, "3", "4");
        await UntilAsync(store, "SELECT count(*) FROM databus_outbox.message", 2, process);
        await process.KillAsync();
        await EndSessionsAsync(store);
    }

    private static async Task<Sent> KillAfterPublishAsync(string store)
    {
        await using var relay = Start("relay", store);
        var sent = await ReadAsync(relay);
        await relay.KillAsync();
        await EndSessionsAsync(store);
        return sent;
    }

    private static async Task<Sent> KillBeforeCompletionAsync(string store)
    {
        await using var holder = await OpenAsync(store + ";Application Name=holder");
        await ExecuteAsync(holder, "BEGIN; LOCK TABLE databus_outbox.message IN SHARE MODE");
        await using var relay = Start("relay", store);
        var sent = await ReadAsync(relay);
        await relay.GoAsync(Cancellation);
        await UntilAsync(store, "SELECT count(*) FROM pg_locks WHERE relation = 'databus_outbox.message'::regclass AND NOT granted", 1, relay);
        await relay.KillAsync();
        await EndSessionsAsync(store);
        return sent;
    }

    private static async Task<List<Sent>> SendAllAsync(string store)
    {
        var sent = new List<Sent>();
        await using var relay = Start("relay", store);
        while (sent.Count < 2)
        {
            sent.Add(await ReadAsync(relay));
            await relay.GoAsync(Cancellation);
        }

        await UntilAsync(store, "SELECT count(*) FROM databus_outbox.message", 0, relay);
        await relay.KillAsync();
        return sent;
    }

    /// <summary>The leases of those who were killed end.</summary>
    private static Task TimePassesAsync(string store) => ExecuteAsync(store, "UPDATE databus_outbox.claim SET lease_until = clock_timestamp()");

    /// <summary>As when the machine dies with the process: what was under way is not finished by the server on its behalf.</summary>
    private static Task EndSessionsAsync(string store) => ExecuteAsync(
        store,
        """
        SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'holder'
        """);

    private static async Task UntilAsync(string store, string sql, long atLeast, DoomedProcess process)
    {
        Assert.True(
            await Deadline.WaitAsync(
                async () =>
                {
                    Assert.False(process.HasExited, process.Log);
                    var number = await NumberAsync(store, sql);
                    return atLeast == 0 ? number == 0 : number >= atLeast;
                },
                Patience, Cancellation),
            $"{sql}: never {atLeast}. {process.Log}");
    }

    private static async Task<long> NumberAsync(string store, string sql)
    {
        await using var connection = await OpenAsync(store);
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    private static async Task ExecuteAsync(string store, string sql)
    {
        await using var connection = await OpenAsync(store);
        await ExecuteAsync(connection, sql);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Cancellation);
    }

    private static async Task<NpgsqlConnection> OpenAsync(string store)
    {
        var connection = new NpgsqlConnection(store);
        await connection.OpenAsync(Cancellation);
        return connection;
    }

    private static DoomedProcess Start(params string[] words) => new(typeof(KillTests).Assembly, words);

    private static async Task<Sent> ReadAsync(DoomedProcess relay)
    {
        var line = await relay.ReadLineAsync(Cancellation);
        Assert.StartsWith("sent ", line, StringComparison.Ordinal);
        var words = line.Split(' ');
        return new Sent(int.Parse(words[1], CultureInfo.InvariantCulture), Guid.Parse(words[2]));
    }

    private sealed record Sent(int Number, Guid Id);
}
