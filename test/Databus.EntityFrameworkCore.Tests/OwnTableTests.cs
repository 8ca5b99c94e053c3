using Databus.Outbox;
using Microsoft.EntityFrameworkCore;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>Messages with a table of their own, and with children.</summary>
public sealed class OwnTableTests(Shop shop)
{
    private static readonly FlushOptions Now = new() { Types = ["consignment"], Wait = TimeSpan.Zero };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_sender_gets_a_message_with_its_children_and_they_go_with_it()
    {
        var order = new Order { Name = $"order {shop.NewNumber()}" };
        var addresses = Enumerable.Range(0, 3).Select(_ => $"address {shop.NewNumber()}").ToList();
        await using (var context = shop.Context())
        {
            context.Add(order);
            foreach (var address in addresses)
                context.Record(New(address, order));
            await context.SaveChangesAsync(Cancellation);
        }

        Assert.Equal(3, await shop.CountAsync("\"Consignments\"", Is(addresses)));
        var ids = shop.Consignments.Count;
        Assert.True(await shop.Outbox.FlushAsync(Now, Cancellation) >= 3);

        var sent = shop.Consignments.Skip(ids).Where(message => addresses.Contains(message.Content.Address)).ToList();
        Assert.Equal(addresses.Order(StringComparer.Ordinal), sent.Select(message => message.Content.Address).Order(StringComparer.Ordinal));
        Assert.All(sent, message =>
        {
            Assert.Equal(["bolt", "nut"], message.Content.Lines.Select(line => line.Article).Order(StringComparer.Ordinal));
            Assert.Equal(["1", "2"], message.Content.Lines.Single(line => line.Article == "nut").SerialNumbers.Select(number => number.Text).Order(StringComparer.Ordinal));
            Assert.Equal("red", Assert.Single(message.Content.Stamps).Text);
            Assert.Equal("me", message.Content.Sender!.Name);
            Assert.Contains("\"article\":\"nut\"", System.Text.Encoding.UTF8.GetString(message.Json.Span), StringComparison.Ordinal);
        });

        // The children are not deleted by the database here: one of the foreign keys does not do so.
        Assert.Equal(0, await shop.CountAsync("\"Consignments\"", Is(addresses)));
        Assert.Equal(0, await shop.CountAsync("\"ConsignmentLine\" AS l", "NOT EXISTS (SELECT FROM \"Consignments\" c WHERE c.\"Id\" = l.\"ConsignmentId\")"));
        Assert.Equal(0, await shop.CountAsync("\"SerialNumber\" AS s", "NOT EXISTS (SELECT FROM \"ConsignmentLine\" l WHERE l.\"Id\" = s.\"ConsignmentLineId\")"));
        Assert.Equal(1, await shop.CountAsync("\"Shop's own\".order", $"\"Name\" = '{order.Name}'"));
    }

    [Fact]
    public async Task A_batch_is_read_with_one_query()
    {
        await using (var context = shop.Context())
        {
            for (var count = 0; count < 50; count++)
                context.Record(New($"batch {shop.NewNumber()}", order: null));
            await context.SaveChangesAsync(Cancellation);
        }

        await shop.ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");
        await shop.ExecuteAsync("SELECT pg_stat_statements_reset()");
        Assert.True(await shop.Outbox.FlushAsync(Now, Cancellation) >= 50);
        const string Reads = "query LIKE 'SELECT%\"Consignments\"%' AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
        Assert.Equal(1, await shop.CountAsync("pg_stat_statements", Reads));
        await using var calls = shop.Source.CreateCommand($"SELECT sum(calls)::int FROM pg_stat_statements WHERE {Reads}");
        Assert.Equal(1, await calls.ExecuteScalarAsync(Cancellation));
    }

    [Fact]
    public async Task An_entity_that_a_filter_of_the_application_hides_is_sent_all_the_same()
    {
        var address = $"hidden {shop.NewNumber()}";
        await using (var context = shop.Context())
        {
            context.Record(New(address, order: null));
            await context.SaveChangesAsync(Cancellation);
        }

        Assert.True(await shop.Outbox.FlushAsync(Now, Cancellation) >= 1);
        Assert.Contains(shop.Consignments, message => message.Content.Address == address);
        Assert.Equal(0, await shop.CountAsync("\"Consignments\"", Is([address])));
    }

    [Fact]
    public async Task An_entity_that_is_tracked_already_is_recorded_too()
    {
        var address = $"tracked {shop.NewNumber()}";
        await using var context = shop.Context();
        var consignment = New(address, order: null);
        context.Add(consignment);
        context.Record(consignment);
        await context.SaveChangesAsync(Cancellation);
        Assert.True(await shop.Outbox.FlushAsync(Now, Cancellation) >= 1);
        Assert.Single(shop.Consignments, message => message.Content.Address == address);
    }

    [Fact]
    public async Task What_is_rolled_back_leaves_neither_message_nor_content()
    {
        var address = $"undone {shop.NewNumber()}";
        await using (var context = shop.Context())
        {
            await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
            context.Record(New(address, order: null));
            await context.SaveChangesAsync(Cancellation);
            await transaction.RollbackAsync(Cancellation);
        }

        await shop.Outbox.FlushAsync(Now, Cancellation);
        Assert.DoesNotContain(shop.Consignments, message => message.Content.Address == address);
        Assert.Equal(0, await shop.CountAsync("\"Consignments\"", Is([address])));
    }

    [Fact]
    public async Task A_reference_that_cannot_be_read_is_parked_alone_and_can_be_skipped()
    {
        var addresses = Enumerable.Range(0, 2).Select(_ => $"beside {shop.NewNumber()}").ToList();
        var bad = Guid.CreateVersion7();
        await using (var context = shop.Context())
        {
            context.Record(New(addresses[0], order: null));
            await context.SaveChangesAsync(Cancellation);
            await shop.ExecuteAsync($"INSERT INTO databus_outbox.message (message_id, type, content) VALUES ('{bad}', 'consignment', '{{}}')");
            context.Record(New(addresses[1], order: null));
            await context.SaveChangesAsync(Cancellation);
        }

        var error = await Assert.ThrowsAsync<OutboxFlushException>(() => shop.Outbox.FlushAsync(Now, Cancellation));
        Assert.Equal(1, error.Failed);
        Assert.Equal(addresses, shop.Consignments.Select(message => message.Content.Address).Where(addresses.Contains));
        var parked = Assert.Single(await shop.Outbox.ListParkedAsync(["consignment"], cancellationToken: Cancellation), one => one.MessageId == bad);
        Assert.Equal(1, await shop.Outbox.SkipAsync([parked.Id], Cancellation));
    }

    [Fact]
    public async Task An_entity_that_something_else_refers_to_is_sent_once_and_parked()
    {
        var addresses = Enumerable.Range(0, 3).Select(_ => $"needed {shop.NewNumber()}").ToList();
        var ids = new List<Guid>();
        await using (var context = shop.Context())
        {
            foreach (var address in addresses)
                ids.Add(context.Record(New(address, order: null)));
            await context.SaveChangesAsync(Cancellation);
        }

        await shop.ExecuteAsync("CREATE TABLE invoice (consignment int REFERENCES \"Consignments\" ON DELETE RESTRICT)");
        await shop.ExecuteAsync($"INSERT INTO invoice SELECT \"Id\" FROM \"Consignments\" WHERE {Is([addresses[1]])}");
        Assert.True(await shop.Outbox.FlushAsync(Now, Cancellation) >= 3);
        await shop.Outbox.FlushAsync(Now, Cancellation);
        Assert.Equal(addresses.Order(StringComparer.Ordinal), shop.Consignments.Select(message => message.Content.Address).Where(addresses.Contains).Order(StringComparer.Ordinal));
        Assert.Equal(1, await shop.CountAsync("\"Consignments\"", Is(addresses)));
        var parked = Assert.Single(await shop.Outbox.ListParkedAsync(["consignment"], cancellationToken: Cancellation), one => ids.Contains(one.MessageId));
        Assert.StartsWith("It was sent", parked.Reason, StringComparison.Ordinal);

        await shop.ExecuteAsync("DROP TABLE invoice");
        Assert.Equal(1, await shop.Outbox.SkipAsync([parked.Id], Cancellation));
        Assert.Equal(0, await shop.CountAsync("\"Consignments\"", Is(addresses)));
    }

    private static Consignment New(string address, Order? order) => new()
    {
        Address = address,
        Order = order,
        Sender = new Sender { Name = "me" },
        Stamps = [new Stamp { Text = "red" }],
        Lines =
        [
            new ConsignmentLine { Article = "bolt" },
            new ConsignmentLine { Article = "nut", SerialNumbers = [new SerialNumber { Text = "1" }, new SerialNumber { Text = "2" }] },
        ],
    };

    private static string Is(IEnumerable<string> addresses) => $"\"Address\" IN ({string.Join(", ", addresses.Select(address => $"'{address}'"))})";
}
