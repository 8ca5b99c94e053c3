using Databus.Sqlite.Outbox;
using Databus.Testing;
using Databus.Testing.Processes;
using Microsoft.Data.Sqlite;

namespace Databus.Sqlite.Tests;

/// <summary>
/// P7 and P8 on a file, whenever a process is killed: before and after its commit, after a message was published, and before that is
/// kept. What was committed is sent, and nothing else; it comes again only where a sender was killed, and then with the same id.
/// </summary>
public sealed class OutboxKillTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> AllShapes => [.. OutboxDoomed.Shapes.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Database => $"Data Source={_folder.File("service.db")};Pooling=False";

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(AllShapes))]
    public async Task Whenever_a_process_is_killed_what_was_committed_is_sent_and_nothing_else(string shape)
    {
        await using (var outbox = new SqliteOutbox(Database, TimeProvider.System))
            await outbox.OpenAsync(migrate: true, Cancellation);
        await RecordAsync(shape, commits: false);
        Assert.Equal(0, await NumberAsync("SELECT count(*) FROM databus_outbox_message"));
        await RecordAsync(shape, commits: true);
        Assert.Equal(2, await NumberAsync("SELECT count(*) FROM databus_outbox_message"));

        var first = await KillAfterPublishAsync();
        await TimePassesAsync();
        Assert.Equal(first, await KillBeforeCompletionAsync());
        await TimePassesAsync();
        var rest = await SendAllAsync();
        Assert.Equal(first, rest[0]);
        Assert.StartsWith("sent 1 ", rest[0], StringComparison.Ordinal);
        Assert.StartsWith("sent 2 ", rest[1], StringComparison.Ordinal);
        Assert.Equal(0, await NumberAsync("SELECT count(*) FROM databus_outbox_message"));
    }

    private async Task RecordAsync(string shape, bool commits)
    {
        await using var process = Start("record", Database, shape);
        Assert.Equal("ready", await process.ReadLineAsync(Cancellation));
        if (commits)
        {
            await process.GoAsync(Cancellation);
            Assert.Equal("committed", await process.ReadLineAsync(Cancellation));
        }

        await process.KillAsync();
    }

    private async Task<string> KillAfterPublishAsync()
    {
        await using var relay = Start("relay", Database);
        var sent = await relay.ReadLineAsync(Cancellation);
        await relay.KillAsync();
        return sent;
    }

    private async Task<string> KillBeforeCompletionAsync()
    {
        await using var relay = Start("relay", Database);
        var sent = await relay.ReadLineAsync(Cancellation);

        // What it sent it cannot keep while somebody else writes.
        await using var writer = await OpenAsync();
        await using var write = writer.BeginTransaction(deferred: false);
        await relay.GoAsync(Cancellation);
        Assert.Equal("answered", await relay.ReadLineAsync(Cancellation));
        await relay.KillAsync();
        return sent;
    }

    private async Task<List<string>> SendAllAsync()
    {
        var sent = new List<string>();
        await using var relay = Start("relay", Database);
        while (sent.Count < 2)
        {
            sent.Add(await relay.ReadLineAsync(Cancellation));
            await relay.GoAsync(Cancellation);
            Assert.Equal("answered", await relay.ReadLineAsync(Cancellation));
        }

        Assert.True(await Deadline.WaitAsync(
            async () => await NumberAsync("SELECT count(*) FROM databus_outbox_message") == 0, TimeSpan.FromSeconds(60), Cancellation));
        await relay.KillAsync();
        return sent;
    }

    /// <summary>The leases of those who were killed end.</summary>
    private async Task TimePassesAsync()
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = "UPDATE databus_outbox_claim SET lease_until = 0";
        Assert.Equal(1, await command.ExecuteNonQueryAsync(Cancellation));
    }

    private async Task<long> NumberAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)(await command.ExecuteScalarAsync(Cancellation))!;
    }

    private async Task<SqliteConnection> OpenAsync()
    {
        var connection = new SqliteConnection(Database);
        await connection.OpenAsync(Cancellation);
        return connection;
    }

    private static DoomedProcess Start(params string[] words) => new(typeof(OutboxKillTests).Assembly, words);
}
