using System.Globalization;
using Databus.Outbox;
using Databus.OutboxNode;
using Databus.Postgres.Outbox;
using Databus.RabbitMq;
using Databus.RabbitMq.Outbox;
using Databus.Testing.Ledgers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME relay [SECONDS-KEPT]
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME flush
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME publish BROKER
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME receive BROKER
// Databus.OutboxNode CONNECTION-STRING LEDGER-PORT NAME write WRITERS SEED
var (store, name, role) = (args[0], args[2], args[3]);
var ledger = await LedgerLink.OpenAsync(int.Parse(args[1], CultureInfo.InvariantCulture));
var builder = Host.CreateApplicationBuilder();
builder.Services.AddSingleton(ledger);
builder.Services.AddSingleton(new NodeName(name));
builder.Services
    .AddOutbox(options =>
    {
        options.Relay = role is "relay" or "publish";
        options.Lease = TimeSpan.FromSeconds(2);
    })
    .AddPostgresOutbox(store);
if (role == "publish")
{
    builder.Services.AddRabbitMq(options => options.Uri = args[4]).AddRabbitMqSender<Step>(sender => sender.Queue = Receiver.Queue);
    builder.Services.AddOutboxMessage<Step, RabbitMqSender<Step>>("step", StepJson.Default.Step, Describe);
}
else
{
    builder.Services.AddOutboxMessage<Step, StepSender>("step", StepJson.Default.Step, Describe);
}

if (role == "receive")
    builder.Services.AddHostedService(_ => new Receiver(ledger, name, new Uri(args[4])));
if (role == "flush")
    builder.Services.AddHostedService<Flusher>();
if (role == "write")
{
    var (writers, seed) = (int.Parse(args[4], CultureInfo.InvariantCulture), int.Parse(args[5], CultureInfo.InvariantCulture));
    builder.Services.AddHostedService(provider => new Writers(provider.GetRequiredService<OutboxClient>(), ledger, store, writers, seed));
}

builder.Build().Run();

void Describe(OutboxMessageOptions<Step> options)
{
    options.OrderKey = static step => step.Key == Step.Free ? null : step.Key;
    if (role == "relay" && args.Length > 4)
        options.KeepSentFor = TimeSpan.FromSeconds(int.Parse(args[4], CultureInfo.InvariantCulture));
}
