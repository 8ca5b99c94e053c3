using System.Data.Common;
using System.Globalization;
using Databus.Outbox;
using Databus.Sqlite.Outbox;
using Databus.StoreSuite.Outbox;
using Databus.Transactions;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Databus.Sqlite.Tests;

/// <summary>Processes that are killed. Neither ends by itself.</summary>
internal static class OutboxDoomed
{
    /// <summary>
    /// Every shape of a transaction of SQLite's that records two messages. What it is given waits: it is called when all but the commit is
    /// done, or, where each message is a transaction, before the first.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, Func<SqliteConnection, OutboxClient, Func<Task>, Task>> Shapes =
        new Dictionary<string, Func<SqliteConnection, OutboxClient, Func<Task>, Task>>(StringComparer.Ordinal)
        {
            ["plain ADO.NET"] = PlainAsync,
            ["plain ADO.NET, no transaction"] = WithoutTransactionAsync,
            ["many at once"] = ManyAsync,
            ["savepoint released"] = SavepointReleasedAsync,
            ["savepoint rolled back"] = SavepointRolledBackAsync,
            ["a command of somebody else's"] = RawCommandAsync,
            ["atomic"] = AtomicAsync,
        };

    /// <summary>Records two messages, commits when a line comes, and sends nothing.</summary>
    public static async Task<int> RecordAsync(string database, string shape)
    {
        using var host = await StartAsync(database, relays: false);
        await using var connection = new SqliteConnection(database);
        await connection.OpenAsync();
        await Shapes[shape](connection, host.Services.GetRequiredService<OutboxClient>(), async () =>
        {
            Console.WriteLine("ready");
            await Console.In.ReadLineAsync();
        });
        Console.WriteLine("committed");
        await Task.Delay(Timeout.Infinite);
        return 0;
    }

    /// <summary>Sends one after the other: each is written out, and is sent when a line comes.</summary>
    public static async Task<int> RelayAsync(string database)
    {
        using var host = await StartAsync(database, relays: true);
        await Task.Delay(Timeout.Infinite);
        return 0;
    }

    private static async Task<IHost> StartAsync(string database, bool relays)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        builder.Services.AddOutbox(options =>
        {
            options.Relay = relays;
            options.BatchesAtOnce = 1;
        }).AddSqliteOutbox(database);
        builder.Services.AddOutboxMessage<Note, PromptedSender>("note", NoteJson.Default.Note, options => options.BatchSize = 1);
        var host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private static Task PlainAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) => InTransactionAsync(connection, ready, async transaction =>
    {
        await outbox.RecordAsync(transaction, new Note("1"));
        await outbox.RecordAsync(transaction, new Note("2"));
    });

    private static async Task WithoutTransactionAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready)
    {
        await ready();
        await outbox.RecordAsync(connection, new Note("1"));
        await outbox.RecordAsync(connection, new Note("2"));
    }

    private static Task ManyAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) =>
        InTransactionAsync(connection, ready, transaction => outbox.RecordManyAsync(transaction, [new Note("1"), new Note("2")]));

    private static Task SavepointReleasedAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) => InTransactionAsync(connection, ready, async transaction =>
    {
        await transaction.SaveAsync("part");
        await outbox.RecordAsync(transaction, new Note("1"));
        await transaction.ReleaseAsync("part");
        await outbox.RecordAsync(transaction, new Note("2"));
    });

    private static Task SavepointRolledBackAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) => InTransactionAsync(connection, ready, async transaction =>
    {
        await outbox.RecordAsync(transaction, new Note("1"));
        await transaction.SaveAsync("part");
        await outbox.RecordAsync(transaction, new Note("undone"));
        await transaction.RollbackAsync("part");
        await outbox.RecordAsync(transaction, new Note("2"));
    });

    private static Task RawCommandAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) => InTransactionAsync(connection, ready, async _ =>
    {
        for (var number = 1; number <= 2; number++)
        {
            await using var command = connection.CreateCommand();
            command.CommandText = "INSERT INTO databus_outbox_message (message_id, type, content) VALUES ($id, 'note', $content)";
            command.Parameters.AddWithValue("$id", Guid.CreateVersion7().ToString());
            command.Parameters.AddWithValue("$content", string.Create(CultureInfo.InvariantCulture, $$"""{"Text":"{{number}}"}"""));
            await command.ExecuteNonQueryAsync();
        }
    });

    private static async Task InTransactionAsync(SqliteConnection connection, Func<Task> ready, Func<DbTransaction, Task> record)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await record(transaction);
        await ready();
        await transaction.CommitAsync();
    }

    private static Task AtomicAsync(SqliteConnection connection, OutboxClient outbox, Func<Task> ready) =>
        new Atomic(SqliteFactory.Instance.CreateDataSource(connection.ConnectionString)).RunAsync(async (transaction, stop) =>
        {
            await outbox.RecordAsync(transaction, new Note("1"), cancellationToken: stop);
            await outbox.RecordAsync(transaction, new Note("2"), cancellationToken: stop);
            await ready();
        });

    /// <summary>Asks before it has sent, and says when it has.</summary>
    private sealed class PromptedSender : IOutboxSender<Note>
    {
        public async Task SendAsync(OutboxMessage<Note> message, CancellationToken cancellationToken)
        {
            Console.WriteLine($"sent {message.Content.Text} {message.Id}");
            if (await Console.In.ReadLineAsync(cancellationToken) is null)
                throw new IOException("Nobody answers.");
            Console.WriteLine("answered");
        }
    }
}
