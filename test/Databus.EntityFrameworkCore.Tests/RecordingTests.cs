using Microsoft.EntityFrameworkCore;

namespace Databus.EntityFrameworkCore.Tests;

/// <summary>What a context puts into the outbox table.</summary>
public sealed class RecordingTests(Shop shop)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Messages_of_one_save_are_recorded_in_the_order_in_which_they_were_given()
    {
        // More than a sort of few would keep in order by chance.
        var numbers = Enumerable.Range(0, 200).Select(_ => shop.NewNumber()).ToList();
        await using var context = shop.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        foreach (var number in numbers)
            context.Record(new OrderPlaced(number, $"customer {number % 3}"));
        await context.SaveChangesAsync(Cancellation);
        var recorded = await context.Database
            .SqlQueryRaw<int>("SELECT (content::json ->> 'number')::int AS \"Value\" FROM databus_outbox.message WHERE transaction = pg_current_xact_id() ORDER BY id")
            .ToListAsync(Cancellation);
        Assert.Equal(numbers, recorded);
        await transaction.RollbackAsync(Cancellation);
    }

    [Fact]
    public async Task A_message_is_taken_as_it_was_when_it_was_recorded()
    {
        await using var context = shop.Context();
        await using var transaction = await context.Database.BeginTransactionAsync(Cancellation);
        var id = Guid.CreateVersion7();
        Assert.Equal(id, context.Record(new OrderPlaced(7, "Ünal ✓"), id));
        await context.SaveChangesAsync(Cancellation);
        Assert.Equal(1, await context.Database
            .SqlQuery<int>($$"""
                SELECT count(*)::int AS "Value" FROM databus_outbox.message
                WHERE message_id = {{id}} AND type = 'order-placed' AND order_key = 'Ünal ✓' AND content::json ->> 'customer' = 'Ünal ✓' AND attempts = 0 AND due_at IS NULL
                """)
            .SingleAsync(Cancellation));

        // It is the outbox's from now on.
        Assert.Empty(context.ChangeTracker.Entries());
        await transaction.RollbackAsync(Cancellation);
    }

    [Fact]
    public async Task Migrations_of_the_context_leave_the_outbox_table_alone()
    {
        await using var context = shop.Context();
        var script = context.Database.GenerateCreateScript();
        Assert.Contains("Consignments", script, StringComparison.Ordinal);
        Assert.Contains("OutboxMessageId", script, StringComparison.Ordinal);
        Assert.DoesNotContain("databus_outbox", script, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        await using var context = shop.Context();
        var unknown = Assert.Throws<InvalidOperationException>(() => context.Record("a string"));
        Assert.Contains("AddOutboxMessage", unknown.Message, StringComparison.Ordinal);

        await using var without = new ShopContext(new DbContextOptionsBuilder<ShopContext>().UseNpgsql(shop.Source).Options);
        var options = Assert.Throws<InvalidOperationException>(() => without.Record(new OrderPlaced(1)));
        Assert.Contains("UseOutbox(services)", options.Message, StringComparison.Ordinal);

        await using var bare = new DbContext(new DbContextOptionsBuilder().UseNpgsql(shop.Source).UseOutbox(shop.Services).UseOutbox(shop.Services).Options);
        var model = Assert.Throws<InvalidOperationException>(() => bare.Record(new OrderPlaced(1)));
        Assert.Contains("modelBuilder.UseOutbox()", model.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_save_that_failed_can_be_saved_again_and_sends_once()
    {
        var number = shop.NewNumber();
        await using var context = shop.Context();
        context.Record(new OrderPlaced(number));
        var first = new Order { Name = $"twice {number}" };
        var second = new Order { Name = $"twice {number}" };
        context.AddRange(first, second);
        await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync(Cancellation));
        second.Name = $"once {number}";
        await context.SaveChangesAsync(Cancellation);
        await shop.ExpectAsync(sent: [number], never: []);
    }

    [Fact]
    public async Task The_same_id_is_recorded_once()
    {
        // As a delegate does that runs again after a commit whose answer was lost.
        var id = Guid.CreateVersion7();
        var number = shop.NewNumber();
        await using var holding = await shop.Source.OpenConnectionAsync(Cancellation);
        await using var transaction = await holding.BeginTransactionAsync(Cancellation);
        await using var context = shop.Context(holding);
        await context.Database.UseTransactionAsync(transaction, Cancellation);
        context.Record(new OrderPlaced(number), id);
        await context.SaveChangesAsync(Cancellation);
        context.Record(new OrderPlaced(number), id);
        await Assert.ThrowsAsync<DbUpdateException>(() => context.SaveChangesAsync(Cancellation));
    }
}
