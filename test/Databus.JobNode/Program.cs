using System.Globalization;
using Databus.Hosting;
using Databus.JobNode;
using Databus.Jobs;
using Databus.Nodes;
using Databus.Postgres;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

// Databus.JobNode STORE-URL LEDGER-PORT NAME
if (!PostgresUrl.TryParse(args[0], out var store, out var refusal))
    throw new InvalidOperationException(refusal);
var builder = Host.CreateApplicationBuilder();
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(20));
builder.Services.AddSingleton(await LedgerLink.OpenAsync(int.Parse(args[1], CultureInfo.InvariantCulture)));
builder.Services
    .AddDatabus(options =>
    {
        options.NodeName = args[2];
        options.Roles = NodeRoles.Worker;
        options.JobConcurrency = 64;
        options.JobDrainTime = TimeSpan.FromMilliseconds(200);
    })
    .AddPostgresStore(new PostgresStoreOptions { ConnectionString = store })
    .AddJob<Step, StepResult, StepHandler>("step", StepJson.Default.Step, StepJson.Default.StepResult);
builder.Build().Run();
