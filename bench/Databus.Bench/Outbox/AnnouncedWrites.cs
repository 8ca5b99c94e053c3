using System.Diagnostics;
using Databus.Bench.Postgres;
using Databus.Outbox;
using Databus.Testing.Servers;
using Npgsql;

namespace Databus.Bench.Outbox;

/// <summary>
/// How many transactions a process commits that inserts a row and records a message in each, while it tells other processes by NOTIFY,
/// and while it does not.
/// </summary>
internal static class AnnouncedWrites
{
    private const int Writers = 8;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(OnPostgres.Settings);
        await postgres.ExecuteAsync("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL)");

        // Without a relay it announces. With one that has nothing to do, because only a flush sends these, it does not.
        await using var telling = await StartAsync(postgres, relays: false, autoFlush: true);
        await using var silent = await StartAsync(postgres, relays: true, autoFlush: false);
        await using var source = NpgsqlDataSource.Create(postgres.ConnectionString() + ";Max Auto Prepare=20");
        await using var ear = await source.OpenConnectionAsync();
        var heard = 0;
        ear.Notification += (_, _) => heard++;
        await using (var listen = new NpgsqlCommand("LISTEN databus_outbox", ear))
            await listen.ExecuteNonQueryAsync();
        using var enough = new CancellationTokenSource();
        var listening = ListenAsync(ear, enough.Token);

        await WriteAsync(source, telling.Outbox, TimeSpan.FromSeconds(2));
        await WriteAsync(source, silent.Outbox, TimeSpan.FromSeconds(2));
        List<double> with = [], without = [];
        for (var round = 0; round < plan.Rounds; round++)
        {
            await postgres.ExecuteAsync("TRUNCATE orders, databus_outbox.message");
            without.Add(await WriteAsync(source, silent.Outbox, plan.Time));
            await postgres.ExecuteAsync("TRUNCATE orders, databus_outbox.message");
            with.Add(await WriteAsync(source, telling.Outbox, plan.Time));
        }

        await enough.CancelAsync();
        await listening;
        if (heard == 0)
            throw new InvalidOperationException("Nothing was announced.");
        report.Add(new Figure(
            "outbox: 8 writers that announce", "commits/s", Median.Of(with), "the same without NOTIFY", Median.Of(without), Limit.AtLeast(0.9)));
    }

    private static Task<OutboxService> StartAsync(PostgresServer postgres, bool relays, bool autoFlush) => OutboxService.StartAsync(
        postgres.ConnectionString(),
        services => services.AddOutboxMessage<Note, NowhereSender>("note", NoteJson.Default.Note, options => options.AutoFlush = autoFlush), relays);

    private static async Task ListenAsync(NpgsqlConnection ear, CancellationToken stop)
    {
        try
        {
            while (true)
                await ear.WaitAsync(stop);
        }
        catch (OperationCanceledException)
        {
            // Enough was heard.
        }
    }

    private static async Task<double> WriteAsync(NpgsqlDataSource source, OutboxClient outbox, TimeSpan time)
    {
        var (count, started) = (0, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(async () =>
        {
            await using var connection = await source.OpenConnectionAsync();
            while (Stopwatch.GetElapsedTime(started) < time)
            {
                await using var transaction = await connection.BeginTransactionAsync();
                await using var insert = new NpgsqlCommand("INSERT INTO orders (customer) VALUES ($1)", connection, transaction) { Parameters = { new() { Value = "somebody" } } };
                await insert.ExecuteNonQueryAsync();
                await outbox.RecordAsync(transaction, Note.Usual);
                await transaction.CommitAsync();
                Interlocked.Increment(ref count);
            }
        })));
        return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
