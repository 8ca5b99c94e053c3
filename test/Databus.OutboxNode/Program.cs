using System.Globalization;
using Databus.Outbox;
using Databus.OutboxNode;
using Databus.Postgres.Outbox;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME relay [SECONDS-KEPT]
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME flush
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME write WRITERS SEED
var (store, name, role) = (args[0], args[2], args[3]);
var ledger = await LedgerLink.OpenAsync(int.Parse(args[1], CultureInfo.InvariantCulture));
var builder = Host.CreateApplicationBuilder();
builder.Services.AddSingleton(ledger);
builder.Services.AddSingleton(new NodeName(name));
builder.Services
    .AddOutbox(options =>
    {
        options.Relay = role == "relay";
        options.Lease = TimeSpan.FromSeconds(2);
    })
    .AddPostgresOutbox(store)
    .AddOutboxMessage<Step, StepSender>("step", StepJson.Default.Step, options =>
    {
        options.OrderKey = step => step.Key == Step.Free ? null : step.Key;
        if (role == "relay" && args.Length > 4)
            options.KeepSentFor = TimeSpan.FromSeconds(int.Parse(args[4], CultureInfo.InvariantCulture));
    });
if (role == "flush")
    builder.Services.AddHostedService<Flusher>();
if (role == "write")
{
    var (writers, seed) = (int.Parse(args[4], CultureInfo.InvariantCulture), int.Parse(args[5], CultureInfo.InvariantCulture));
    builder.Services.AddHostedService(provider => new Writers(provider.GetRequiredService<OutboxClient>(), ledger, store, writers, seed));
}

builder.Build().Run();
