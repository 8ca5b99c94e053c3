using Databus.Bench;
using Databus.Bench.Jobs;
using Databus.Bench.Outbox;
using Databus.Bench.Postgres;
using Databus.Bench.RabbitMq;

// databus-bench [--seconds N] [--rounds N] [--only sqlite|postgres|rabbitmq|jobs|outbox] [--json FILE]; without words: every measurement.
if (args is ["bare-http", var port])
    return await BareHttp.ServeAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));

if (Plan.Read(args) is not { } plan)
{
    Console.Error.WriteLine("Usage: Databus.Bench [--seconds N] [--rounds N] [--only sqlite|postgres|rabbitmq|jobs|outbox] [--json FILE]");
    return 2;
}

var report = new Report();
if (plan.Measures("sqlite"))
{
    await SingleAdds.MeasureAsync(plan, report);
    await IdleAdd.MeasureAsync(plan, report);
    await BulkAppends.MeasureAsync(plan, report);
    await Fetches.MeasureAsync(plan, report);
    await WakeUps.MeasureAsync(plan, report);
    await Footprint.MeasureAsync(plan, report);
}

if (plan.Measures("postgres"))
    await OnPostgres.MeasureAsync(plan, report);
if (plan.Measures("rabbitmq"))
    await RabbitMqOut.MeasureAsync(plan, report);
if (plan.Measures("jobs"))
{
    await JobRates.MeasureOnSqliteAsync(plan, report);
    await JobRates.MeasureOnPostgresAsync(plan, report);
}

if (plan.Measures("outbox"))
{
    await Flushes.MeasureAsync(plan, report);
    await RecordingTransactions.MeasureAsync(plan, report);
    await AnnouncedWrites.MeasureAsync(plan, report);
    await OutboxWakeUps.MeasureAsync(plan, report);
}

report.Print(Console.Out);
report.Write(plan.JsonFile);
return 0;
