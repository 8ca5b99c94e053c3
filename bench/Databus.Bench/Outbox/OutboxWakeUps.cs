using System.Diagnostics;
using Databus.Bench.Postgres;
using Databus.Outbox;
using Databus.Testing.Servers;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Databus.Bench.Outbox;

/// <summary>How long after a commit in a service that does not send itself another one's sender has the message.</summary>
internal static class OutboxWakeUps
{
    private const int WarmUp = 50;
    private const int Wakes = 300;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(OnPostgres.Settings);
        var arrivals = new Arrivals();
        await using var sender = await OutboxService.StartAsync(
            postgres.ConnectionString(),
            services => services.AddSingleton(arrivals).AddOutboxMessage<Note, Arrivals>("note", NoteJson.Default.Note));
        await using var recorder = await OutboxService.StartAsync(
            postgres.ConnectionString(), services => services.AddOutboxMessage("note", NoteJson.Default.Note), relays: false);
        await using var connection = new NpgsqlConnection(postgres.ConnectionString());
        await connection.OpenAsync();

        var times = new List<double>();
        for (var wake = 0; wake < WarmUp + (Wakes * Math.Min(plan.Rounds, 3)); wake++)
        {
            // What the one before left to do is done by then.
            await Task.Delay(Random.Shared.Next(10, 30));
            await using var transaction = await connection.BeginTransactionAsync();
            await recorder.Outbox.RecordAsync(transaction, Note.Usual);
            var arrival = arrivals.NextAsync();
            await transaction.CommitAsync();
            var committed = Stopwatch.GetTimestamp();
            times.Add(Math.Max(0, Stopwatch.GetElapsedTime(committed, await arrival).TotalMilliseconds));
        }

        report.Add(new Figure("outbox: commit to another's sender, median", "ms", Median.Of(times.Skip(WarmUp)), null, null, null));
        report.Add(new Figure("outbox: commit to another's sender, p99", "ms", Median.Percentile(times.Skip(WarmUp), 0.99), null, null, Limit.AtMost(20)));
    }
}
