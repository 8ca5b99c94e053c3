using System.Diagnostics;
using Databus.Bench.Postgres;
using Databus.EntityFrameworkCore;
using Databus.Outbox;
using Databus.Testing.Servers;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace Databus.Bench.Outbox;

/// <summary>How long a transaction takes that inserts one row, with a message recorded in it and without, in turns.</summary>
internal static class RecordingTransactions
{
    private const int WarmUp = 300;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(OnPostgres.Settings);
        await postgres.ExecuteAsync("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer text NOT NULL)");
        await using var service = await OutboxService.StartAsync(
            postgres.ConnectionString(), services => services.AddOutboxMessage<Note, NowhereSender>("note", NoteJson.Default.Note));

        await using var connection = new NpgsqlConnection(postgres.ConnectionString() + ";Max Auto Prepare=20");
        await connection.OpenAsync();
        await CompareAsync(plan, report, "ADO.NET", records => WithAdoAsync(connection, service.Outbox, records));

        var options = new DbContextOptionsBuilder<ShopContext>().UseNpgsql(connection).UseOutbox(service.Services).Options;
        await CompareAsync(plan, report, "EF Core", records => WithEntitiesAsync(options, records));
    }

    /// <summary>Runs both in turns.</summary>
    /// <param name="run">One transaction; the result is the timestamp before its commit.</param>
    private static async Task CompareAsync(Plan plan, Report report, string name, Func<bool, Task<long>> run)
    {
        List<double> with = [], without = [], commitsWith = [], commitsWithout = [];
        var started = Stopwatch.GetTimestamp();
        for (var turn = 0; turn < WarmUp || Stopwatch.GetElapsedTime(started) < plan.Time * plan.Rounds; turn++)
        {
            var records = turn % 2 == 0;
            var began = Stopwatch.GetTimestamp();
            var before = await run(records);
            var ended = Stopwatch.GetTimestamp();
            if (turn < WarmUp)
                continue;
            (records ? with : without).Add(Stopwatch.GetElapsedTime(began, ended).TotalMilliseconds);
            (records ? commitsWith : commitsWithout).Add(Stopwatch.GetElapsedTime(before, ended).TotalMilliseconds);
        }

        report.Add(new Figure(
            $"outbox: transaction, {name}, median", "ms", Median.Of(with), "the same without a message", Median.Of(without), Limit.AtMost(1.15)));
        report.Add(new Figure(
            $"outbox: its commit alone, {name}, median", "ms", Median.Of(commitsWith), "the same without a message", Median.Of(commitsWithout), Limit.AtMost(1.15)));
        report.Add(new Figure(
            $"outbox: transaction, {name}, p95", "ms", Median.Percentile(with, 0.95), "the same without a message", Median.Percentile(without, 0.95), null));
    }

    private static async Task<long> WithAdoAsync(NpgsqlConnection connection, OutboxClient outbox, bool records)
    {
        await using var transaction = await connection.BeginTransactionAsync();
        await using var insert = new NpgsqlCommand("INSERT INTO orders (customer) VALUES ($1)", connection, transaction) { Parameters = { new() { Value = "somebody" } } };
        await insert.ExecuteNonQueryAsync();
        if (records)
            await outbox.RecordAsync(transaction, Note.Usual);
        var before = Stopwatch.GetTimestamp();
        await transaction.CommitAsync();
        return before;
    }

    private static async Task<long> WithEntitiesAsync(DbContextOptions<ShopContext> options, bool records)
    {
        await using var shop = new ShopContext(options);
        await using var transaction = await shop.Database.BeginTransactionAsync();
        shop.Add(new Order { Customer = "somebody" });
        if (records)
            shop.Record(Note.Usual);
        await shop.SaveChangesAsync();
        var before = Stopwatch.GetTimestamp();
        await transaction.CommitAsync();
        return before;
    }
}
