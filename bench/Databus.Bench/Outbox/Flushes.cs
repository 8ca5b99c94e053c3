using System.Diagnostics;
using System.Globalization;
using Databus.Bench.Postgres;
using Databus.Outbox;
using Databus.RabbitMq;
using Databus.RabbitMq.Outbox;
using Databus.Testing.Servers;

namespace Databus.Bench.Outbox;

/// <summary>A flush of many pending messages, beside a bare loop of claim, publish, delete with the same batches.</summary>
internal static class Flushes
{
    private const int Messages = 100_000;
    private const int Batch = 500;

    /// <summary>Rounds that do not count: by then all code of both is compiled for good.</summary>
    private const int WarmUps = 4;

    private static readonly FlushOptions AtOnce = new() { Wait = TimeSpan.Zero };

    private static int _fills;

    public static async Task MeasureAsync(Plan plan, Report report)
    {
        await using var postgres = await PostgresServer.StartAsync(OnPostgres.Settings);
        await using var broker = await RabbitMqServer.StartAsync();
        await using var bare = new BareOutbox(postgres.ConnectionString(), Batch);
        await bare.CreateAsync();

        await using (var nowhere = await OutboxService.StartAsync(
            postgres.ConnectionString(),
            services => services.AddOutboxMessage<Note, NowhereSender>("note", NoteJson.Default.Note, Pending)))
        {
            await CompareAsync(plan, report, "outbox: flush-many to nowhere", postgres, bare, nowhere, _ => Task.CompletedTask);
        }

        await using var publisher = await BarePublisher.OpenAsync(broker.Address, "bare");
        await using var rabbit = await OutboxService.StartAsync(
            postgres.ConnectionString(),
            services => services
                .AddRabbitMq(options => options.Uri = broker.Address.ToString())
                .AddOutboxMessage<Note, RabbitMqSender<Note>>("note", NoteJson.Default.Note, Pending)
                .AddRabbitMqSender<Note>(options => options.Queue = "outbox"));
        await CompareAsync(plan, report, "outbox: flush-many to RabbitMQ", postgres, bare, rabbit, publisher.PublishAsync);
    }

    private static void Pending(OutboxMessageOptions<Note> options)
    {
        options.AutoFlush = false;
        options.BatchSize = Batch;
    }

    private static async Task CompareAsync(
        Plan plan, Report report, string name, PostgresServer postgres, BareOutbox bare, OutboxService service,
        Func<IReadOnlyList<(Guid Id, byte[] Content)>, Task> publish)
    {
        List<double> baseline = [], databus = [];
        for (var round = -WarmUps; round < plan.Rounds; round++)
        {
            await bare.FillAsync(Rows());
            var bareRate = await bare.DrainAsync(publish);
            await postgres.ExecuteAsync($"INSERT INTO databus_outbox.message (message_id, type, content) {Rows()}");
            await postgres.ExecuteAsync("VACUUM ANALYZE databus_outbox.message");
            await postgres.ExecuteAsync("CHECKPOINT");
            var started = Stopwatch.GetTimestamp();
            var sent = await service.Outbox.FlushManyAsync(AtOnce);
            var rate = sent / Stopwatch.GetElapsedTime(started).TotalSeconds;
            if (sent != Messages)
                throw new InvalidOperationException($"{sent} messages were sent.");
            Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {name}, round {round}: {rate:0}/s beside {bareRate:0}/s"));

            if (round < 0)
                continue;
            baseline.Add(bareRate);
            databus.Add(rate);
        }

        report.Add(new Figure(name, "messages/s", Median.Of(databus), "claim, publish, delete, batches of 500", Median.Of(baseline), Limit.AtLeast(0.7)));
    }

    /// <summary>Ids that grow, as those of version 7 do.</summary>
    private static string Rows() => string.Create(
        CultureInfo.InvariantCulture,
        $$"""SELECT lpad(to_hex({{++_fills}}000000::bigint + n), 32, '0')::uuid, 'note', '{"Text":"{{Note.Usual.Text}}"}' FROM generate_series(1, {{Messages}}) n""");
}
