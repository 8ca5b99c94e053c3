using System.Collections.Concurrent;
using Databus.StoreSuite.Outbox;
using Databus.Testing;
using Databus.Testing.Servers;

namespace Databus.Postgres.Tests;

/// <summary>Behind a pooler that gives each transaction another connection everything works, and the poll tells what is new.</summary>
public sealed class PoolerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Everything_works_and_the_report_says_that_it_polls()
    {
        await using var pooler = await PgBouncer.StartAsync(await SharedPostgres.GetAsync());
        await using var nodes = await TwoNodes.OpenAsync(connectionString: pooler.ConnectionString);
        Assert.Contains(await WarningsAsync(nodes.A), code => code == "polls");

        var (topic, _) = await nodes.A.PutTopicAsync("letters", settings: null, Cancellation);
        await nodes.B.FindTopicAsync("letters", Cancellation);
        var heard = new ConcurrentQueue<long>();
        nodes.B.Appended = (_, lastId) => heard.Enqueue(lastId);
        await Task.WhenAll(Enumerable.Range(1, 200).Select(key => (key % 2 == 0 ? nodes.A : nodes.B).AppendAsync(topic, [TwoNodes.Item(key % 100)], Cancellation)));
        Assert.True(await Deadline.WaitAsync(() => heard.Contains(100), TimeSpan.FromSeconds(20), Cancellation));

        var taken = 0;
        while (await nodes.B.FetchAsync(topic, "reader", 30, TimeSpan.FromMinutes(1), Cancellation) is { Deliveries.Count: > 0 } fetched)
        {
            taken += fetched.Deliveries.Count;
            Assert.Empty(await nodes.A.AcknowledgeAsync(topic, "reader", [.. fetched.Deliveries.Select(delivery => delivery.Token!.Value)], Cancellation));
        }

        Assert.Equal(100, taken);
    }

    [Fact]
    public async Task The_doctor_says_that_notifications_do_not_come_through()
    {
        var server = await SharedPostgres.GetDurableAsync();
        await using var pooler = await PgBouncer.StartAsync(server);
        var database = await server.CreateDatabaseAsync();
        var findings = await PostgresDoctor.ExamineAsync(new PostgresStoreOptions { ConnectionString = pooler.ConnectionString(database) }, Cancellation);
        Assert.Equal(Storage.FindingLevel.Doubtful, findings.Single(finding => finding.Subject == "notifications").Level);
        findings = await PostgresDoctor.ExamineAsync(new PostgresStoreOptions { ConnectionString = server.ConnectionString(database) }, Cancellation);
        Assert.All(findings, finding => Assert.Equal(Storage.FindingLevel.Sound, finding.Level));
    }

    [Fact]
    public async Task The_outbox_sends_in_order_what_is_recorded()
    {
        await using var pooler = await PgBouncer.StartAsync(await SharedPostgres.GetAsync());
        await using var home = new OutboxPostgresHome(pooler);
        var box = new Mailbox();
        await using var first = await OutboxNode.StartAsync(home, box);
        await using var second = await OutboxNode.StartAsync(home, box, options: options => options.Relay = false);
        await Task.WhenAll(Enumerable.Range(1, 8).Select(writer => Task.Run(async () =>
        {
            await using var connection = await home.ConnectAsync();
            for (var number = 1; number <= 25; number++)
            {
                await using var transaction = await connection.BeginTransactionAsync(Cancellation);
                await (writer % 2 == 0 ? first : second).Client.RecordAsync(transaction, new Note($"{writer}-{number}", $"{writer}"), cancellationToken: Cancellation);
                await transaction.CommitAsync(Cancellation);
            }
        })));
        await second.Client.FlushManyAsync(new() { Wait = TimeSpan.Zero }, Cancellation);
        Assert.True(await box.HasAsync(200));
        Assert.All(
            box.Texts.GroupBy(text => text[..1], StringComparer.Ordinal),
            key => Assert.Equal(Enumerable.Range(1, 25).Select(number => $"{key.Key}-{number}"), key));
    }

    private static async Task<IEnumerable<string>> WarningsAsync(PostgresStore store) => (await store.ReportAsync(Cancellation)).Warnings.Select(warning => warning.Code);
}
