using Databus.Bench;

// databus-bench [--seconds N] [--rounds N] [--json FILE]; without words: every measurement.
if (args is ["bare-http", var port])
    return await BareHttp.ServeAsync(int.Parse(port, System.Globalization.CultureInfo.InvariantCulture));

if (Plan.Read(args) is not { } plan)
{
    Console.Error.WriteLine("Usage: Databus.Bench [--seconds N] [--rounds N] [--json FILE]");
    return 2;
}

var report = new Report();
await SingleAdds.MeasureAsync(plan, report);
await IdleAdd.MeasureAsync(plan, report);
await BulkAppends.MeasureAsync(plan, report);
await Fetches.MeasureAsync(plan, report);
await WakeUps.MeasureAsync(plan, report);
await Footprint.MeasureAsync(plan, report);
report.Print(Console.Out);
report.Write(plan.JsonFile);
return 0;
